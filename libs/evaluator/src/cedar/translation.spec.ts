import { describe, expect, it } from '@jest/globals';
import { compareTranslations } from './translation.fixture.js';

// CEDAR_CASES=1000000 for the long run, CEDAR_SEED for another one.
const cases = Number(process.env.CEDAR_CASES ?? 3_000);
const seed = Number(process.env.CEDAR_SEED ?? 20_261_122);

describe('roles and selector rules, and Cedar’s engine on their translation', () => {
  it('come to the same decisions by the same rules', () => {
    const { differences, counts } = compareTranslations(seed, cases);
    expect(differences.slice(0, 2)).toEqual([]);
    // Or the test would show nothing.
    for (const count of Object.values(counts)) expect(count / cases).toBeGreaterThan(0.1);
  }, 3_600_000);
});
