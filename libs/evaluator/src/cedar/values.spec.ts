import { describe, expect, it } from '@jest/globals';
import type { Attributes, Value } from '../model.js';
import { CedarRecord, CedarSet, cedarValue, equals, keyOf, maxDepth } from './values.js';

const nested = (levels: number): Value => (levels === 0 ? 'end' : [nested(levels - 1)]);
const read = (value: Value) => CedarRecord.of({ value }).get('value');

describe('Cedar values of JSON', () => {
  it.each<readonly [Value, unknown]>([
    [true, true],
    ['a', 'a'],
    [5, 5],
    [-0, 0],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    [2 ** 53, undefined],
    [0.5, undefined],
    [1e300, undefined],
    [null, undefined],
  ])('%j is %s', (value, expected) => {
    expect(Object.is(cedarValue(value), expected)).toBe(true);
  });

  it('leave out what has no form, in lists and objects too', () => {
    expect(keyOf(read([1, null, 0.5, [null], { a: null, b: 1 }]) ?? '')).toBe('[1,[],{"b":1}]');
    expect(keyOf(read({ __entity: { type: 'user', id: 'a' } }) ?? '')).toBe('{}');
    expect(CedarRecord.of({ __extn: 1 }).get('__extn')).toBeUndefined();
    expect(CedarRecord.of(JSON.parse('{"__proto__": 1}') as Attributes).get('__proto__')).toBe(1);
    expect(CedarRecord.of({}).get('constructor')).toBeUndefined();
  });

  it('end at a depth', () => {
    const levels = (of: number) => (keyOf(read(nested(of)) ?? '').match(/\[/g) ?? []).length;
    expect([levels(maxDepth - 1), levels(maxDepth), levels(maxDepth + 1), levels(4_000)]).toEqual([31, 32, 32, 32]);
  });

  it('are equal by value, whatever their order, and never across kinds', () => {
    const set = (...values: Value[]) => cedarValue(values) as CedarSet;
    expect(equals(set(1, 'a', [2], [2]), set([2], 'a', 1, 1))).toBe(true);
    expect(equals(set(1), set('1'))).toBe(false);
    expect(equals(set('[1]'), set([1]))).toBe(false);
    expect(equals(set('a,b'), set('a', 'b'))).toBe(false);
    expect(equals(set(), cedarValue({}) ?? '')).toBe(false);
    expect(
      equals(cedarValue({ a: [1, { b: 'x' }], c: true }) ?? '', cedarValue({ c: true, a: [{ b: 'x' }, 1] }) ?? ''),
    ).toBe(true);
    expect(equals(cedarValue({ 'a":1,"b': 2 }) ?? '', cedarValue({ a: 1, b: 2 }) ?? '')).toBe(false);
    expect(equals(new CedarSet([10n ** 18n]), new CedarSet([10n ** 18n]))).toBe(true);
  });
});
