import { NotAuthenticated, type Principal } from '@gatehouse/authn';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import { type CommandContext, inTransaction, type PostgresEventStore } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { ObservationReporter } from '@gatehouse/service';
import type pg from 'pg';
import { append, type LoginRole } from './login-roles.service.js';
import { principalIdOf } from './role-settings.js';
import './login-problems.js';

/** Failed logins that are answered, a minute: of one role from one address, and of anybody from one address. */
const limits = { role: 30, address: 300 } as const;
const windowMs = 60_000;

export interface LoginGuessesOptions {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly pepper: Pepper;
  readonly observations: Pick<ObservationReporter, 'refused'>;
  readonly onError: (error: Error) => void;
}

/** What somebody tried, and from where. */
export interface Guess {
  /** What was said to be the role: known or not. */
  readonly loginId: string;
  readonly ip: string;
}

/**
 * Failed logins, counted in PostgreSQL where every replica sees them, and told: as refusals to identity, which makes alerts of
 * them, and as events, at most one a minute for each role and reason. Only failures count, and by role and address: a
 * guesser shuts out nobody elsewhere, and a thousand pods that start at once are none.
 */
export class LoginGuesses {
  readonly #options: LoginGuessesOptions;
  readonly #waiting = new Set<Promise<void>>();

  constructor(options: LoginGuessesOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `login_rate_limited` */
  async assertRoom(guess: Guess, nowMs: number): Promise<void> {
    const { rows } = await this.#options.pool.query<{ key: string; count: number; since: Date }>(
      'select key, count, since from login_guesses where key = any($1)',
      [Object.values(this.#keysOf(guess))],
    );
    const keys = this.#keysOf(guess);
    for (const [name, key] of Object.entries(keys)) {
      const row = rows.find((each) => each.key === key);
      const leftMs = row ? row.since.getTime() + windowMs - nowMs : 0;
      if (row && leftMs > 0 && row.count >= limits[name as keyof typeof limits])
        throw new ProblemError('login_rate_limited', undefined, { retryAfterSeconds: leftMs / 1_000 });
    }
  }

  /**
   * A login failed. Counting and telling go on after the answer, so that a role that is there takes no longer than one that
   * is not.
   */
  failed(
    guess: Guess,
    role: LoginRole | undefined,
    reason: string,
    context: Omit<CommandContext, 'tenantId' | 'actor'>,
  ) {
    const work = this.#record(guess, role, reason, context).catch(this.#options.onError);
    this.#waiting.add(work);
    void work.finally(() => this.#waiting.delete(work));
  }

  /** Waits for what is being counted. */
  async settle(): Promise<void> {
    await Promise.all(this.#waiting);
  }

  async #record(
    guess: Guess,
    role: LoginRole | undefined,
    reason: string,
    context: Omit<CommandContext, 'tenantId' | 'actor'>,
  ) {
    const { observations, pool } = this.#options;
    const principal = role && principalOfRole(role);
    observations.refused(new NotAuthenticated('unknown', principal), guess.ip, context.now);
    for (const key of Object.values(this.#keysOf(guess))) await countOne(pool, key, context.now);
    if (!role || !principal) return;
    const { tenantId, roleId, method, name } = role;
    const key = this.#hashed(`event\n${roleId}\n${reason}`);
    const count = await takeUntold(pool, key, context.now);
    if (count === 0) return;
    const actor = { type: principal.type, id: principal.id };
    const data = { roleId, method, name, reason, count };
    await this.#options.store.together(tenantId, (log) =>
      append(log, { ...context, tenantId, actor }, roleId, 'login.failed', data),
    );
  }

  #keysOf({ loginId, ip }: Guess): Record<keyof typeof limits, string> {
    return { role: this.#hashed(`role\n${loginId}\n${ip}`), address: this.#hashed(`address\n${ip}`) };
  }

  /** Neither the address nor what was tried stands in the table. */
  #hashed(text: string): string {
    return blindIndex(this.#options.pepper, 'vault.login', text);
  }
}

export const principalOfRole = ({ tenantId, method, name }: LoginRole): Principal => ({
  type: 'service',
  id: principalIdOf(method, name),
  tenantId,
});

const countOne = (pool: pg.Pool, key: string, nowMs: number) =>
  pool.query(
    `insert into login_guesses (key, count, since) values ($1, 1, $2)
     on conflict (key) do update set
       count = case when login_guesses.since > $3 then login_guesses.count + 1 else 1 end,
       since = case when login_guesses.since > $3 then login_guesses.since else excluded.since end`,
    [key, new Date(nowMs), new Date(nowMs - windowMs)],
  );

/** How many failures no event has told of, this one included; 0 while the last event is less than a minute old. */
const takeUntold = (pool: pg.Pool, key: string, nowMs: number): Promise<number> =>
  inTransaction(pool, async (client) => {
    await client.query(`insert into login_guesses (key, count, since) values ($1, 0, 'epoch') on conflict do nothing`, [
      key,
    ]);
    const { rows } = await client.query<{ count: number; since: Date }>(
      'select count, since from login_guesses where key = $1 for update',
      [key],
    );
    const untold = (rows[0]?.count ?? 0) + 1;
    const isDue = (rows[0]?.since.getTime() ?? 0) <= nowMs - windowMs;
    await client.query(
      'update login_guesses set count = $2, since = case when $3 then $4 else since end where key = $1',
      [key, isDue ? 0 : untold, isDue, new Date(nowMs)],
    );
    return isDue ? untold : 0;
  });
