import { describe, expect, it } from '@jest/globals';
import { compareRandomly } from './differential.fixture.js';

// CEDAR_CASES=1000000 for the long run, CEDAR_SEED for another one.
const cases = Number(process.env.CEDAR_CASES ?? 3_000);
const seed = Number(process.env.CEDAR_SEED ?? 20_261_122);

describe('compiled Cedar policies and Cedar itself', () => {
  it('give the same answer to random policies and requests', () => {
    const run = compareRandomly(seed, cases);
    if (process.env.CEDAR_CASES) process.stdout.write(`${JSON.stringify({ ...run, decided: [...run.decided] })}\n`);
    expect(run.differences.slice(0, 3)).toEqual([]);
    expect(run.cases).toBe(cases);
    // Or the test would show nothing.
    expect(run.shares.allow).toBeGreaterThan(0.15);
    expect(run.shares.forbidden).toBeGreaterThan(0.1);
    expect(run.shares.erring).toBeGreaterThan(0.1);
    expect(run.shares.several).toBeGreaterThan(0.03);
    // Each operator is tried by itself in language.spec.ts. `getTag` never has a value: no entity has tags here.
    const undecided = [...run.decided]
      .filter(([name, times]) => times === 0 && name !== 'getTag')
      .map(([name]) => name);
    if (cases >= 1_000_000) expect(undecided).toEqual([]);
    else expect(undecided.length).toBeLessThan(run.decided.size / 2);
  }, 3_600_000);
});
