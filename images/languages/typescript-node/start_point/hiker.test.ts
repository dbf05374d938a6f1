import { answer } from './hiker';

declare function require(name: string): any;
const assert = require('node:assert');
const test = require('node:test');

test('life, the universe and everything', () => {
  assert.strictEqual(answer(), 42);
});
