import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf, decodeData, encodeData, mergePatch, partOf, subkeysOf } from './content.js';

describe('the exact bytes of a secret', () => {
  it.each([
    ['value', { value: 'a\n' }, 'a\n'],
    ['value', { value: 'a', other: 'b' }, 'a'],
    ['value', { value: '', value_base64: 'YQ==' }, ''],
    ['value_base64', { value_base64: 'AGE=' }, '\0a'],
    ['value_base64', { value_base64: '', other: 1 }, ''],
    ['single_member', { password: 'hunter2' }, 'hunter2'],
    ['single_member', { value_base64: 'not base64' }, 'not base64'],
    ['object', { value: 1 }, '{"value":1}'],
    ['object', { b: 'x', a: 'y' }, '{"a":"y","b":"x"}'],
    ['object', {}, '{}'],
  ])('are those of its %s: %j', (part, data, bytes) => {
    expect(partOf(data)).toBe(part);
    expect(bytesOf(data).toString('utf8')).toBe(bytes);
  });

  it('come back from base64, whatever they are', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const given = Buffer.from(bytes);
        expect(bytesOf({ value_base64: given.toString('base64') }).equals(given)).toBe(true);
      }),
    ));

  it('of any object are sealed as JSON that gives the same object', () =>
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
