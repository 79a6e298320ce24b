import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bucketsOf, type Limit } from './bucket.js';
import { type RateDatabase, startRateDatabase } from './rate.fixture.js';
import { removeFullBuckets, takeTokens } from './stored-buckets.js';

let database: RateDatabase;
beforeAll(async () => {
  database = await startRateDatabase();
});
afterAll(() => database?.stop());

let made = 0;
const bucket = (limit: Partial<Limit>) => {
  const rule = { id: `l${++made}`, requests_per_period: 10, period_seconds: 10, scope: 'global', ...limit } as const;
  const [one] = bucketsOf([rule], { tenantId: 'acme', subject: { type: 'user', id: 'u' }, credential: 'k' });
  if (!one) throw new Error('no bucket');
  return one;
};

/** Every accepted moment, and the rule in words: never more than burst, and one for every whole interval since. */
class NaiveLog {
  readonly #accepted: number[] = [];

  constructor(
    private readonly burst: number,
    private readonly intervalUs: number,
  ) {}

  take(atUs: number): boolean {
    const fits = [...this.#accepted, atUs].every((since, i) => {
      const inStretch = this.#accepted.length - i + 1;
      return inStretch * this.intervalUs <= this.burst * this.intervalUs + (atUs - since);
    });
    if (fits) this.#accepted.push(atUs);
    return fits;
  }
}

describe('a bucket that all replicas share', () => {
  it('gives exactly what a log of all accepted moments gives', async () => {
    const questions = fc.array(
      fc.record({ afterUs: fc.integer({ min: 0, max: 4_000_000 }), wanted: fc.integer({ min: 1, max: 6 }) }),
      { minLength: 1, maxLength: 25 },
    );
    const rule = fc.record({
      requests_per_period: fc.integer({ min: 1, max: 12 }),
      period_seconds: fc.integer({ min: 1, max: 12 }),
      burst: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(rule, questions, async (limit, asked) => {
        const one = bucket(limit);
        const naive = new NaiveLog(one.burst, one.intervalUs);
        let atUs = 1_800_000_000_000_000;
        for (const { afterUs, wanted } of asked) {
          atUs += afterUs;
          const expected = Array.from({ length: wanted }, () => naive.take(atUs)).filter(Boolean).length;
          const grant = (await takeTokens(database.system, [{ bucket: one, wanted }], atUs)).get(one.key);
          expect(grant?.granted).toBe(expected);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('takes back what was not used', async () => {
    const one = bucket({ requests_per_period: 5 });
    const atUs = 1_800_000_000_000_000;
    const take = async (wanted: number) =>
      (await takeTokens(database.system, [{ bucket: one, wanted }], atUs)).get(one.key)?.granted;
    expect([await take(7), await take(1), await take(-2), await take(3)]).toEqual([5, 0, -2, 2]);
  });

  it('is not lost or given twice when several ask for many in different orders, and nobody deadlocks', async () => {
    const shared = Array.from({ length: 800 }, () => bucket({ requests_per_period: 100, period_seconds: 86_400 }));
    const rounds = Array.from({ length: 24 }, (_, i) => (i % 2 ? shared : [...shared].reverse()));
    const grants = await Promise.all(
      rounds.map((buckets) =>
        takeTokens(
          database.system,
          buckets.map((one) => ({ bucket: one, wanted: 7 })),
        ),
      ),
    );
    for (const { key } of shared)
      expect(grants.reduce((sum, grant) => sum + (grant.get(key)?.granted ?? 0), 0)).toBe(100);
  });

  it('leaves a row only as long as it says something', async () => {
    const [slow, quick] = [bucket({ period_seconds: 86_400 }), bucket({ requests_per_period: 1e6, period_seconds: 1 })];
    const full = async () => {
      await removeFullBuckets(database.system);
      const { rows } = await database.admin.query('select key from policy.rate_buckets where key = any($1)', [
        [slow.key, quick.key],
      ]);
      return rows;
    };
    for (const one of [slow, quick]) await takeTokens(database.system, [{ bucket: one, wanted: 1 }]);
    expect(await full()).toEqual([{ key: slow.key }]);
  });

  it('is one tenant’s alone: the request role sees no other tenant’s row', async () => {
    const one = bucket({ period_seconds: 86_400 });
    await takeTokens(database.system, [{ bucket: one, wanted: 1 }]);
    const seen = async (tenantId: string) => {
      await database.admin.query('begin; set local role gatehouse_policy');
      await database.admin.query(`select set_config('gatehouse.tenant', $1, true)`, [tenantId]);
      const { rows } = await database.admin.query('select key from policy.rate_buckets where key = $1', [one.key]);
      await database.admin.query('rollback');
      return rows.length;
    };
    expect([await seen('acme'), await seen('other')]).toEqual([1, 0]);
  });
});
