import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { builtinRoles } from '../builtin-roles.js';
import { policyErrors } from '../index.js';
import type { Decision } from '../model.js';
import {
  type Difference,
  decisionDifferences,
  historyDifferences,
  orderDifferences,
  searchDifferences,
  smallest,
} from './compare.fixture.js';
import { type Case, randomCase } from './generate-case.fixture.js';

// DIFFERENTIAL_CASES=1000000 DIFFERENTIAL_SEED=7 for the long run.
const cases = Number(process.env.DIFFERENTIAL_CASES ?? 20_000);
const firstSeed = Number(process.env.DIFFERENTIAL_SEED ?? 1);
const requestsPerPolicy = 10;

type Compare = (one: Case) => readonly Difference[];

/** The first difference of a run, made small enough to be read. */
function firstDifference(count: number, compare: Compare): { seed: number; found: unknown } | undefined {
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const one = randomCase(seed, requestsPerPolicy);
    if (compare(one).length === 0) continue;
    const least = smallest(one, (candidate) => compare(candidate).length > 0);
    return { seed, found: { differences: compare(least), ...least } };
  }
  return undefined;
}

const shares: Record<string, (decision: Decision) => boolean> = {
  permitted: ({ reason }) => reason === 'permitted',
  forbidden: ({ reason }) => reason === 'forbidden',
  noPermit: ({ reason }) => reason === 'no_permit',
  noGrant: ({ reason }) => reason === 'no_grant',
  limited: ({ limits }) => limits !== undefined,
  obliged: ({ obligations }) => obligations !== undefined,
  byRuleOfTheTenant: ({ matched }) => matched.some((match) => 'policy' in match),
  byOwnership: ({ matched }) => matched.some((match) => 'role' in match && /^owner:[^#]*$/.test(match.grant)),
  byCustomRole: ({ matched }) =>
    matched.some((match) => 'role' in match && !builtinRoles.some(({ name }) => name === match.role)),
  moreThanEvidenceHolds: ({ matched }) => matched.length === 16,
};

describe('the compiled evaluator', () => {
  it(`decides as the naive one in ${cases} random cases`, () => {
    const seen: Record<string, number> = {};
    const count = (decision: Decision) => {
      for (const [name, has] of Object.entries(shares)) if (has(decision)) seen[name] = (seen[name] ?? 0) + 1;
    };
    const startedAt = performance.now();
    expect(firstDifference(cases / requestsPerPolicy, (one) => decisionDifferences(one, count))).toBeUndefined();
    if (process.env.DIFFERENTIAL_CASES) {
      console.log(`${cases} cases in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, of which`, seen);
    }
    const share = (name: string) => (seen[name] ?? 0) / cases;
    // Not vacuous: each kind of answer is there.
    for (const name of ['permitted', 'noPermit', 'noGrant', 'byRuleOfTheTenant'])
      expect([name, share(name) > 0.1]).toEqual([name, true]);
    for (const name of ['forbidden', 'obliged']) expect([name, share(name) > 0.05]).toEqual([name, true]);
    for (const name of ['limited', 'byOwnership', 'byCustomRole'])
      expect([name, share(name) > 0.01]).toEqual([name, true]);
    expect(share('moreThanEvidenceHolds')).toBeGreaterThan(0.0001);
  });

  it('decides the same whatever the order in which rules, patterns and members stand', () => {
    expect(firstDifference(cases / 400, orderDifferences)).toBeUndefined();
  });

  it('finds by search what asking for every name finds', () => {
    expect(
      firstDifference(cases / 800, (one) => searchDifferences({ ...one, requests: one.requests.slice(0, 2) })),
    ).toBeUndefined();
  });

  it('answers from history as from a fold of that many changes', () => {
    expect(firstDifference(cases / 400, historyDifferences)).toBeUndefined();
  });

  it('takes the documents of the generator, so that none is left out', () => {
    for (let seed = firstSeed; seed < firstSeed + 500; seed += 1) {
      const { document } = randomCase(seed, 0);
      expect([seed, document ? policyErrors(document) : []]).toEqual([seed, []]);
    }
  });
});

describe('what was once different', () => {
  const folder = join(import.meta.dirname, '../../src/naive/testdata');
  it.each(readdirSync(folder))('%s is no more', (file) => {
    const one = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Case;
    const compares = [decisionDifferences, searchDifferences, historyDifferences, orderDifferences];
    expect(compares.flatMap((differences) => differences(one))).toEqual([]);
  });
});
