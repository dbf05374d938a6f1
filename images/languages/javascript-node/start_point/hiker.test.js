'use strict';

const assert = require('node:assert');
const test = require('node:test');
const hiker = require('./hiker.js');

test('life, the universe and everything', () => {
  assert.strictEqual(hiker.answer(), 42);
});
