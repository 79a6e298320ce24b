import { blindIndex, type Pepper } from '@gatehouse/crypto';
import { inTransaction } from '@gatehouse/event-store';
import { networkOf, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { charge, limits, longestMemoryMs, type ThrottleState } from './throttle.js';

export type LimitName = keyof typeof limits;

/** What is counted, and under which limit. */
export interface Counted {
  readonly limit: LimitName;
  readonly key: string;
}

interface Row {
  readonly count: number;
  readonly blocked_until: Date;
  readonly last_at: Date;
}

/** Counts of tries in PostgreSQL, where every replica sees them: not a guess more for somebody who asks all of them. */
export class Throttle {
  readonly #pool: pg.Pool;
  readonly #pepper: Pepper;

  /** @param pool connections of the system role */
  constructor(pool: pg.Pool, pepper: Pepper) {
    this.#pool = pool;
    this.#pepper = pepper;
  }

  /** What is counted for an address or a network, without telling which: a keyed hash. */
  counted(limit: LimitName, ...words: readonly string[]): Counted {
    return { limit, key: `${limit}:${blindIndex(this.#pepper, 'throttle', words.join('\n'))}` };
  }

  ofNetwork(limit: LimitName, ip: string): Counted {
    return this.counted(limit, networkOf(ip));
  }

  /** Counts one more try everywhere. @throws ProblemError `sign_in_delayed` with the longest wait of all of them */
  async take(all: readonly Counted[], now: number): Promise<void> {
    const waitMs = await this.tryTake(all, now);
    if (waitMs > 0) throw new ProblemError('sign_in_delayed', undefined, { retryAfterSeconds: waitMs / 1_000 });
  }

  /** {@link take} that answers the milliseconds to wait, 0 when it was counted everywhere. */
  tryTake(all: readonly Counted[], now: number): Promise<number> {
    // In one order, so that two who count the same do not wait for each other for ever.
    const ordered = [...all].sort((one, other) => (one.key < other.key ? -1 : 1));
    return inTransaction(this.#pool, async (client) => {
      let waitMs = 0;
      for (const counted of ordered) waitMs = Math.max(waitMs, await takeOne(client, counted, now));
      return waitMs;
    });
  }

  /** The try was right: it was none. */
  async takeBack({ key }: Counted): Promise<void> {
    await this.#pool.query(
      `update throttle set count = greatest(count - 1, 0), blocked_until = 'epoch' where key = $1`,
      [key],
    );
  }

  async forget(all: readonly Counted[]): Promise<void> {
    await this.#pool.query('delete from throttle where key = any($1)', [all.map(({ key }) => key)]);
  }

  async deleteForgotten(now: number): Promise<void> {
    await this.#pool.query('delete from throttle where last_at < $1', [new Date(now - longestMemoryMs)]);
  }
}

async function takeOne(client: pg.PoolClient, { limit, key }: Counted, now: number): Promise<number> {
  const at = new Date(now);
  // Makes the row to lock: two first tries must not both be the first.
  await client.query(
    `insert into throttle (key, count, blocked_until, last_at) values ($1, 0, 'epoch', $2) on conflict do nothing`,
    [key, at],
  );
  const { rows } = await client.query<Row>(
    'select count, blocked_until, last_at from throttle where key = $1 for update',
    [key],
  );
  const { state, waitMs } = charge(rows[0] && toState(rows[0]), limits[limit], now);
  if (!state) return waitMs;
  await client.query('update throttle set count = $2, blocked_until = $3, last_at = $4 where key = $1', [
    key,
    state.count,
    new Date(state.blockedUntilMs),
    at,
  ]);
  return 0;
}

const toState = ({ count, blocked_until, last_at }: Row): ThrottleState => ({
  count,
  blockedUntilMs: blocked_until.getTime(),
  lastMs: last_at.getTime(),
});
