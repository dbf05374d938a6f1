'use strict';

module.exports = { answer: () => 6 * 9 };
