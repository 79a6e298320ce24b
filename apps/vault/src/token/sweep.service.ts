import { pause, type Query } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';

const everyMs = 60_000;
const batch = 5_000;

/**
 * Rows that are over. What ended stays an hour, so that its holder is told that it ended; a wrapped answer for 30 days, so
 * that a late reader is still noticed, but without its content.
 */
const statements: readonly string[] = [
  `delete from tokens where token_id in (select token_id from tokens where expires_at < $1::timestamptz - interval '1 hour' limit ${batch})`,
  `delete from secret_ids where secret_id_id in (select secret_id_id from secret_ids
     where expires_at < $1 or (num_uses > 0 and uses >= num_uses) limit ${batch})`,
  `delete from used_logins where ctid in (select ctid from used_logins where expires_at < $1 limit ${batch})`,
  `delete from login_guesses where ctid in (select ctid from login_guesses where since < $1::timestamptz - interval '1 day' limit ${batch})`,
  `update wrapped_answers set ciphertext = null, wrapped_key = null, key_version = null where wrapped_id in
     (select wrapped_id from wrapped_answers where expires_at <= $1 and ciphertext is not null limit ${batch})`,
  `delete from wrapped_answers where wrapped_id in
     (select wrapped_id from wrapped_answers where expires_at < $1::timestamptz - interval '30 days' limit ${batch})`,
];

/** Removes what is over, a batch of each kind. Answers how many rows. */
export async function sweepOnce(query: Query, nowMs: number): Promise<number> {
  let swept = 0;
  for (const statement of statements) swept += (await query.query(statement, [new Date(nowMs)])).rowCount ?? 0;
  return swept;
}

/** Sweeps every minute, in one replica at a time. */
export class Sweep {
  #running: { stop: () => Promise<void> } | undefined;

  constructor(private readonly platform: Platform) {}

  start(): void {
    const { system } = this.platform.database;
    const warn = this.platform.warn('what is over could not be removed');
    this.#running = this.platform.exclusively('tokens', async ({ signal }) => {
      while (!signal.aborted) {
        const swept = await sweepOnce(system, Date.now()).catch((error: Error) => {
          warn(error);
          return 0;
        });
        if (swept === 0) await pause(everyMs, signal);
      }
    });
  }

  stop(): Promise<void> {
    return this.#running?.stop() ?? Promise.resolve();
  }
}
