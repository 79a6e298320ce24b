import { describe, expect, it } from '@jest/globals';
import { isFreshEnough } from './freshness.js';

const asked = (reasons: readonly string[], params = {}) => ({ iat: 1_000, prompt: { reasons }, params });

describe('a sign-in that answers an interaction', () => {
  it.each([
    ['any, where only somebody was missing', asked(['no_session']), 1, true],
    ['one from after prompt=login', asked(['login_prompt']), 1_001, true],
    ['none from before prompt=login', asked(['login_prompt']), 900, false],
    ['one within max_age', asked(['max_age'], { max_age: '60' }), 950, true],
    ['none older than max_age', asked(['max_age'], { max_age: 60 }), 930, false],
    ['only a new one for max_age 0', asked(['max_age'], { max_age: 0 }), 990, false],
  ] as const)('%s', (_name, interaction, authTime, expected) =>
    expect(isFreshEnough(interaction, authTime)).toBe(expected),
  );
});
