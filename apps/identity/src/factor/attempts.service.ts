import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Holder } from './factor-rows.service.js';

/**
 * Wrong codes a person may enter: five in a quarter of an hour and twenty in a day, over all replicas and all sign-ins.
 * Three codes of a million are right at a time, so twenty tries a day find one with a chance of 6 in 100,000.
 */
export const attemptLimits = { recent: 5, recentMs: 900_000, daily: 20, dailyMs: 86_400_000 } as const;

interface Row {
  readonly recent: number;
  readonly recent_until: Date;
  readonly daily: number;
  readonly daily_until: Date;
}

/** Every attempt is paid for before it is looked at, in a transaction of its own: parallel ones cannot share one count. */
export class FactorAttempts {
  readonly #pool: pg.Pool;

  /** @param pool connections of the request role */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Takes one attempt and answers 0, or takes none and answers how many milliseconds to wait. */
  async take({ userId, homeTenantId }: Holder, nowMs: number): Promise<number> {
    const { recent, recentMs, daily, dailyMs } = attemptLimits;
    const { rows } = await asTenant(this.#pool, homeTenantId, async (client) => {
      const values = [homeTenantId, userId, new Date(nowMs), new Date(nowMs + recentMs), new Date(nowMs + dailyMs)];
      await client.query(
        `insert into factor_attempts as a (tenant_id, user_id, recent, recent_until, daily, daily_until)
         values ($1, $2, 0, $4, 0, $5)
         on conflict (user_id) do update set
           recent = case when a.recent_until <= $3 then 0 else a.recent end,
           recent_until = case when a.recent_until <= $3 then $4 else a.recent_until end,
           daily = case when a.daily_until <= $3 then 0 else a.daily end,
           daily_until = case when a.daily_until <= $3 then $5 else a.daily_until end`,
        values,
      );
      const taken = await client.query<Row>(
        `update factor_attempts set recent = recent + 1, daily = daily + 1
         where user_id = $1 and recent < $2 and daily < $3 returning recent, recent_until, daily, daily_until`,
        [userId, recent, daily],
      );
      if (taken.rows.length > 0) return { rows: [] };
      return client.query<Row>(
        'select recent, recent_until, daily, daily_until from factor_attempts where user_id = $1',
        [userId],
      );
    });
    const [full] = rows;
    if (!full) return 0;
    const until = full.daily >= daily ? full.daily_until : full.recent_until;
    return Math.max(1, until.getTime() - nowMs);
  }

  /** Gives back what a right code took. The day's count keeps the wrong ones: an owner who signs in helps no guesser. */
  async succeed({ userId, homeTenantId }: Holder): Promise<void> {
    await asTenant(this.#pool, homeTenantId, (client) =>
      client.query('update factor_attempts set recent = 0, daily = greatest(daily - 1, 0) where user_id = $1', [
        userId,
      ]),
    );
  }
}
