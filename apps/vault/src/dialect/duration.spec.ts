import { describe, expect, it } from '@jest/globals';
import { durationText, parseDuration } from './duration.js';

describe('durations of Go', () => {
  it.each([
    [0, 0],
    ['0s', 0],
    [90, 90],
    ['120', 120],
    ['120s', 120],
    ['1h30m', 5400],
    ['30d', 2_592_000],
    [' 5m ', 300],
  ])('%s is %d seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each(['', '-1', '1.5s', '5 m', 'm5', '5x', '5m!', 'Infinity', '99999999999', '9999999999d', Number.NaN, -3])(
    '%s is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it('is written as Go writes it', () => {
    expect([0, 59, 300, 3_600, 5_401].map(durationText)).toEqual(['0s', '59s', '5m0s', '1h0m0s', '1h30m1s']);
  });
});
