'use strict';

const assert = require('node:assert');
const hiker = require('./hiker.js');

describe('hiker', () => {
  it('knows life, the universe and everything', () => {
    assert.strictEqual(hiker.answer(), 42);
  });
});
