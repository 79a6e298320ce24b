import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { maxPollSeconds, slowDownSeconds } from '../record/poll.js';
import type { Records, StoredRecord } from '../record/records.service.js';

/**
 * Holds devices to the pace they were told (RFC 8628, 3.5), which the library leaves to us: who asks too early is told
 * `slow_down`, and has to wait five seconds longer from then on. In the row, so that it holds across replicas.
 */
export class DevicePolls {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Counts a question of the device itself. @throws SlowDown when it came too early */
  async count(record: StoredRecord, ctx: KoaContextWithOIDC | undefined): Promise<void> {
    // Only the token endpoint polls, and only the client that the code is for may spend its pace.
    if (ctx?.oidc?.route !== 'token' || ctx.oidc.client?.clientId !== record.client_id) return;
    const { rows } = await this.#records.pool.query<{ early: boolean }>(
      `update oidc_records r set polled_at = now(),
         poll_seconds = case when old.early then least(old.poll_seconds + $2, $3) else old.poll_seconds end
       from (select model, id, poll_seconds, coalesce(polled_at > now() - make_interval(secs => poll_seconds - 0.5), false) early
             from oidc_records where model = 'DeviceCode' and id = $1 for update) old
       where r.model = old.model and r.id = old.id returning old.early`,
      [record.id, slowDownSeconds, maxPollSeconds],
    );
    if (rows[0]?.early) throw new errors.SlowDown(`ask at most every ${slowDownSeconds} seconds, then ever slower`);
  }
}
