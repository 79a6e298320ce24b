import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cedarErrors } from './compile-cedar.js';
import { cedarType } from './entity-name.js';

const kinds = [
  'a',
  'b',
  '_',
  '-',
  ':',
  '::',
  ' ',
  'é',
  '😀',
  '1',
  'in',
  'text',
  'role',
  'Action',
  '__cedar',
  '2d',
  '"',
];
const type = fc.oneof(
  fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
);

describe('cedarType', () => {
  it.each([
    ['user', 'user'],
    ['api_key', 'api_key'],
    ['App::User', 'App::User'],
    ['service-account', 'service__account'],
    ['a--b', 'a____b'],
    ['a_-b', 'text::_61__5f__2d_b'],
    ['a__b', 'text::_61__5f__5f_b'],
    ['in', 'text::_69_n'],
    ['role', 'text::_72_ole'],
    ['Action', 'text::_41_ction'],
    ['text::a', 'text::_74_ext_3a__3a_a'],
    ['2d', 'text::_32_d'],
    ['é', 'text::_e9_'],
    ['', 'text::'],
  ])('%s is %s', (from, to) => {
    expect(cedarType(from)).toBe(to);
  });

  it('never gives two types one name', () => {
    fc.assert(
      fc.property(type, type, (a, b) => a === b || cedarType(a) !== cedarType(b)),
      { numRuns: 5_000 },
    );
    const all = [...new Set(fc.sample(type, 20_000))];
    expect(new Set(all.map(cedarType)).size).toBe(all.length);
  });

  it('gives names that Cedar takes', () => {
    const names = [...new Set(fc.sample(type, 300).map(cedarType))];
    const text = names.map((name) => `permit(principal is ${name}, action, resource);`).join('\n');
    expect(cedarErrors({ type: 'cedar', id: 'c', text })).toEqual([]);
  });
});
