import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type pg from 'pg';
import { networkOf } from './device-requester.js';

interface Limit {
  readonly windowSeconds: number;
  readonly perPerson?: number;
  readonly perAddress: number;
  readonly everybody: number;
}

/**
 * In the database, so that more replicas are no more tries. There are 20^8 user codes: with a thousand devices waiting,
 * 300 tries in ten minutes hit one in about 590 days, and each try needs somebody who is signed in.
 */
const limits = {
  device_authorization: { windowSeconds: 60, perAddress: 30, everybody: 600 },
  user_code: { windowSeconds: 600, perPerson: 10, perAddress: 30, everybody: 300 },
} as const satisfies Record<string, Limit>;

export type AttemptKind = keyof typeof limits;

/** Counts tries by who, from where, and in all. Addresses stand there as keyed hashes. */
export class Attempts {
  constructor(
    private readonly pool: pg.Pool,
    private readonly pepper: Pepper,
  ) {}

  /** Counts one more try; false when there were too many. Counted before the try, so that many at once do not slip by. */
  async take(kind: AttemptKind, ip: string, userId?: string): Promise<boolean> {
    const limit: Limit = limits[kind];
    const buckets = this.#buckets(kind, limit, ip, userId);
    // The narrowest first: who is over his own bound does not use up what others have in common.
    for (const [bucket, most] of buckets) if ((await this.#count(bucket, limit.windowSeconds)) > most) return false;
    return true;
  }

  /** Gives a try back that was right. */
  async giveBack(kind: AttemptKind, ip: string, userId?: string): Promise<void> {
    const limit: Limit = limits[kind];
    await this.pool.query(
      `update oidc_attempts set count = greatest(count - 1, 0)
       where bucket = any($1) and starts_at = to_timestamp(floor(extract(epoch from now()) / $2) * $2)`,
      [this.#buckets(kind, limit, ip, userId).map(([bucket]) => bucket), limit.windowSeconds],
    );
  }

  async #count(bucket: string, windowSeconds: number): Promise<number> {
    const { rows } = await this.pool.query<{ count: number }>(
      `insert into oidc_attempts (bucket, starts_at, count)
       values ($1, to_timestamp(floor(extract(epoch from now()) / $2) * $2), 1)
       on conflict (bucket, starts_at) do update set count = oidc_attempts.count + 1 returning count`,
      [bucket, windowSeconds],
    );
    return rows[0]?.count ?? Number.POSITIVE_INFINITY;
  }

  #buckets(kind: AttemptKind, limit: Limit, ip: string, userId?: string): readonly (readonly [string, number])[] {
    const network = blindIndex(this.pepper, 'oidc.attempts', networkOf(ip));
    const { perPerson } = limit;
    return [
      ...(userId !== undefined && perPerson !== undefined ? [[`${kind}:by:${userId}`, perPerson] as const] : []),
      [`${kind}:from:${network}`, limit.perAddress],
      [`${kind}:all`, limit.everybody],
    ];
  }
}
