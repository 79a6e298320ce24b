import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { bucketsOf, type Limit } from './bucket.js';
import { type RateDatabase, startRateDatabase } from './rate.fixture.js';
import { RateLimiter } from './rate-limiter.js';

let database: RateDatabase;
beforeAll(async () => {
  database = await startRateDatabase();
});
afterAll(() => database?.stop());
afterEach(() => database.admin.query('truncate policy.rate_buckets').catch(() => undefined));

const aDay = { requests_per_period: 10, period_seconds: 86_400, scope: 'per_user' } as const;
const buckets = (limits: readonly Partial<Limit>[], id = 'u', tenantId = 'acme') =>
  bucketsOf(
    limits.map((limit, i) => ({ id: `l${i}`, ...aDay, ...limit })),
    { tenantId, subject: { type: 'user', id }, credential: 'k' },
  );
const limiter = (options = {}) => new RateLimiter({ query: database.system, onError: () => undefined, ...options });
const admitted = async (answers: readonly Promise<unknown>[]) =>
  (await Promise.all(answers)).filter((refusal) => refusal === undefined).length;
const rows = async () => Number((await database.admin.query('select count(*) n from policy.rate_buckets')).rows[0].n);

describe('limits', () => {
  it('let in what they say, in order, and tell a refused one when to come back', async () => {
    const one = limiter();
    const answers = await Promise.all(Array.from({ length: 14 }, () => one.take(buckets([{}]))));
    expect(answers.map((refusal) => refusal === undefined)).toEqual([...Array(10).fill(true), ...Array(4).fill(false)]);
    expect(answers[13]).toMatchObject({ id: 'l0', limit: 10, remaining: 0 });
    expect(answers[13]?.reset).toBeGreaterThan(8_600);
    expect(answers[13]?.reset).toBeLessThanOrEqual(8_640);
  });

  it('are counted apart for each user, credential and tenant, and together where they are global', async () => {
    const one = limiter();
    const take = (scope: Limit['scope'], id: string, tenantId = 'acme') =>
      admitted(Array.from({ length: 11 }, () => one.take(buckets([{ id: scope, scope }], id, tenantId))));
    expect([await take('per_user', 'a'), await take('per_user', 'b')]).toEqual([10, 10]);
    expect([await take('per_key', 'a'), await take('per_key', 'b')]).toEqual([10, 0]);
    for (const scope of ['per_tenant', 'global'] as const)
      expect([await take(scope, 'a'), await take(scope, 'b'), await take(scope, 'b', 'other')]).toEqual([10, 0, 10]);
  });

  it('are taken all or none: what one refuses costs the others nothing', async () => {
    const one = limiter();
    const [wide, narrow] = [{ requests_per_period: 10 }, { requests_per_period: 3 }];
    const both = Array.from({ length: 8 }, () => one.take(buckets([wide, narrow])));
    const wideAlone = Array.from({ length: 8 }, () => one.take(buckets([wide])));
    expect(await Promise.all(both).then((all) => all.map((refusal) => refusal?.id))).toEqual([
      ...Array(3).fill(undefined),
      ...Array(5).fill('l1'),
    ]);
    expect(await admitted(wideAlone)).toBe(7);
    // And nothing is left lying: another replica finds the buckets as empty as they are.
    expect(await admitted([limiter().take(buckets([wide]))])).toBe(0);
  });

  it('give back to all replicas what a refused request had taken', async () => {
    const [wide, narrow] = [{ requests_per_period: 2 }, { requests_per_period: 1 }];
    const one = limiter();
    expect(await admitted([one.take(buckets([wide, narrow])), one.take(buckets([wide, narrow]))])).toBe(1);
    // Given back by the next statement, after the answer. Replicas remember that a bucket is empty, so each look is a new one's.
    await waitFor(async () => (await admitted([limiter().take(buckets([wide]))])) === 1);
    expect(await admitted([limiter().take(buckets([wide]))])).toBe(0);
  });

  it('are shared by replicas without a request too many or too few', async () => {
    const replicas = Array.from({ length: 3 }, () => limiter());
    const asked = Array.from({ length: 600 }, (_, i) => replicas[i % 3]?.take(buckets([{ requests_per_period: 100 }])));
    expect(await admitted(asked as Promise<unknown>[])).toBe(100);
  });

  it('hold after a restart, and begin anew when the rule changes', async () => {
    expect(await admitted(Array.from({ length: 10 }, () => limiter().take(buckets([{}]))))).toBe(10);
    expect(await admitted([limiter().take(buckets([{}]))])).toBe(0);
    expect(await admitted([limiter().take(buckets([{ burst: 11 }]))])).toBe(1);
  });
});

describe('a flood', () => {
  it('beyond a limit asks the database nothing', async () => {
    const one = limiter();
    await Promise.all(Array.from({ length: 11 }, () => one.take(buckets([{}]))));
    const [before] = (await database.admin.query('select at_us from policy.rate_buckets')).rows;
    expect(await admitted(Array.from({ length: 5_000 }, () => one.take(buckets([{}]))))).toBe(0);
    expect((await database.admin.query('select at_us from policy.rate_buckets')).rows).toEqual([before]);
  });

  it('of invented users is bounded in memory and rows, takes no room of another tenant, and refuses sooner, not later', async () => {
    const one = limiter({ perTenant: 100, total: 1_000 });
    const invented = Array.from({ length: 2_000 }, (_, i) => one.take(buckets([{ requests_per_period: 1 }], `x${i}`)));
    const inTime = await admitted(invented);
    expect(inTime).toBeGreaterThanOrEqual(100);
    expect(inTime).toBeLessThanOrEqual(100 + 64);
    expect(one.size).toBeLessThanOrEqual(100 + 64);
    expect(await rows()).toBeLessThanOrEqual(100 + 64);
    expect(await admitted([one.take(buckets([{}], 'real', 'other'))])).toBe(1);
  });

  it('of requests that wait for the database is refused at once', async () => {
    const one = limiter({ maxWaiting: 3 });
    const taken = Array.from({ length: 5 }, (_, i) => one.take(buckets([{}], `u${i}`)));
    const outcomes = await Promise.allSettled(taken);
    expect(outcomes.map(({ status }) => status).sort()).toEqual([
      ...Array(3).fill('fulfilled'),
      ...Array(2).fill('rejected'),
    ]);
    expect(outcomes[4]).toMatchObject({ reason: { name: 'StoreOverloaded' } });
  });

  it('of a tenant that floods them is refused alone', async () => {
    const one = limiter({ maxWaiting: 4 });
    const taken = (tenantId: string, count: number) =>
      Array.from({ length: count }, (_, i) => one.take(buckets([{}], `u${i}`, tenantId)));
    const outcomes = await Promise.allSettled([...taken('flood', 6), ...taken('acme', 2)]);
    const statuses = outcomes.map(({ status }) => status);
    expect(statuses.slice(4, 6)).toEqual(['rejected', 'rejected']);
    expect(statuses.slice(6)).toEqual(['fulfilled', 'fulfilled']);
  });
});

describe('without PostgreSQL', () => {
  it('nobody is let in, and counting goes on when it is back', async () => {
    const one = limiter();
    await one.take(buckets([{}]));
    await database.postgres.kill9();
    await expect(one.take(buckets([{}]))).rejects.toMatchObject({ name: 'StoreUnavailable' });
    await database.postgres.restart();
    expect(await admitted([one.take(buckets([{}]))])).toBe(1);
  });
});
