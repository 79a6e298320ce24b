import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeData, encodeData, mergePatch, subkeysOf } from './content.js';

describe('content', () => {
  it('is sealed as JSON that gives the same object', () =>
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
        expect(decodeData(encodeData(data))).toEqual(JSON.parse(JSON.stringify(data)));
      }),
    ));
});

describe('a merge patch', () => {
  // RFC 7396, appendix A.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %j with %j is %j', (target, patch, result) => expect(mergePatch(target, patch)).toEqual(result));

  it('changes no prototype', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(merged as object)).toEqual(['__proto__']);
  });
});

it('subkeys are the names without the values, down to a depth', () => {
  const data = { a: 'x', b: { c: { d: 'y' }, e: [1] }, f: {} };
  expect(subkeysOf(data)).toEqual({ a: null, b: { c: { d: null }, e: null }, f: null });
  expect(subkeysOf(data, 1)).toEqual({ a: null, b: null, f: null });
  expect(subkeysOf(data, 2)).toEqual({ a: null, b: { c: null, e: null }, f: null });
});
