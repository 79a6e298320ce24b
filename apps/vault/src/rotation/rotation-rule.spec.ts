import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRule, randomText } from './rotation-rule.js';

describe('a rule of rotation', () => {
  it.each([
    ['value', { member: 'value', length: 40 }],
    ['password:32', { member: 'password', length: 32 }],
    ['a:15', undefined],
    ['a:1025', undefined],
    ['a b', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%p is %p', (text, rule) => expect(parseRule(text)).toEqual(rule));
});

describe('a random text', () => {
  it('has its length, and is another one each time', () => {
    fc.assert(fc.property(fc.integer({ min: 16, max: 64 }), (length) => randomText(length).length === length));
    expect(new Set(Array.from({ length: 1_000 }, () => randomText(16))).size).toBe(1_000);
  });
});
