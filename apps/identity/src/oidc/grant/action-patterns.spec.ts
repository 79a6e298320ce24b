import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { covers, isActionPattern, within } from './action-patterns.js';

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,5}$/);
const pattern = fc.oneof(
  fc.constant('*'),
  word,
  fc.tuple(word, word).map(([a, b]) => `${a}.${b}`),
  word.map((a) => `${a}.*`),
);
const matches = (text: string, action: string): boolean =>
  text === '*' || text === action || (text.endsWith('.*') && action.startsWith(text.slice(0, -1)));

describe('patterns of actions', () => {
  it.each([
    ['*', 'logs.read', true],
    ['logs.*', 'logs.read', true],
    ['logs.*', 'logs.*', true],
    ['logs.*', 'logs.archive.*', true],
    ['logs.read', 'logs.*', false],
    ['logs.*', '*', false],
    ['logs.*', 'logsx.read', false],
    ['logs.*', 'logs', false],
  ])('%s covers %s: %s', (outer, inner, expected) => expect(covers(outer, inner)).toBe(expected));

  it('never covers what the outer pattern does not match', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.tuple(word, word), (outer, inner, [a, b]) => {
        const action = `${a}.${b}`;
        if (covers(outer, inner) && matches(inner, action)) expect(matches(outer, action)).toBe(true);
      }),
    );
  });

  it('gives never more than asked and never more than allowed', () => {
    fc.assert(
      fc.property(fc.array(pattern), fc.array(pattern), (allowed, asked) => {
        for (const given of within(allowed, asked)) {
          expect(asked).toContain(given);
          expect(allowed.some((each) => covers(each, given))).toBe(true);
        }
      }),
    );
  });

  it.each(['', '.', '**', 'a*', 'a..b', 'A.b', 'a b', '*.*', '.*', `a${'b'.repeat(128)}`])('does not know %j', (text) =>
    expect(isActionPattern(text)).toBe(false),
  );
});
