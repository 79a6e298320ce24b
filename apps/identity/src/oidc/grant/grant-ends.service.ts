import { type Position } from '@gatehouse/contracts';
import {
  Doorbell,
  type Exclusive,
  type Held,
  inTransaction,
  notifyChannel,
  parseEnvelope,
  readLog,
} from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import type pg from 'pg';
import type { Records } from '../record/records.service.js';
import { endingEvents, type GrantEnd, grantEndOf } from './grant-ends.js';
import type { Grants } from './grants.service.js';

const batch = 100;
const idleMs = 1_000;
const heldMs = 5;
const expiryMs = 60_000;
const expiryLimit = 5_000;

/**
 * Ends grants when what they stand on ends, from this service's own log, and deletes records that are long over. In one
 * replica at a time; position and effects commit together, so nothing is missed and nothing is done twice.
 */
export class GrantEnds {
  readonly #bell = new Doorbell();
  #exclusive: Exclusive | undefined;
  #unlisten: (() => void) | undefined;
  #expiredAt = 0;

  constructor(
    private readonly platform: Platform,
    private readonly grants: Grants,
    private readonly records: Records,
  ) {}

  start(): void {
    const channel = notifyChannel(this.platform.service);
    this.#unlisten = this.platform.wake.listen((on) => on === channel && this.#bell.ring());
    this.#exclusive = this.platform.exclusively('oidc_ends', (held) => this.#run(held));
  }

  async stop(): Promise<void> {
    this.#unlisten?.();
    await this.#exclusive?.stop();
  }

  async #run({ signal }: Held): Promise<void> {
    while (!signal.aborted) {
      const more = await this.#step();
      if (more === 'more') continue;
      await this.#expire();
      await this.#bell.wait(more === 'held' ? heldMs : idleMs, signal);
    }
  }

  #step(): Promise<'more' | 'held' | 'idle'> {
    // COMMIT POINT of the ends and the position together
    return inTransaction(this.records.pool, async (client) => {
      const { rows } = await client.query<{ tx: string; seq: string }>('select tx::text, seq::text from oidc_ends');
      const at: Position = { tx: BigInt(rows[0]?.tx ?? 0), seq: BigInt(rows[0]?.seq ?? 0) };
      const page = await readLog(client, at, { limit: batch, types: endingEvents });
      for (const { text } of page.events) await this.#end(client, grantEndOf(parseEnvelope(text)));
      const { tx, seq } = page.position;
      if (page.position !== at)
        await client.query('update oidc_ends set tx = $1::xid8, seq = $2', [String(tx), String(seq)]);
      return page.events.length === batch ? 'more' : page.held ? 'held' : 'idle';
    });
  }

  async #end(client: pg.PoolClient, end: GrantEnd | undefined): Promise<void> {
    if (!end) return;
    const { selection, reason, sessions } = end;
    if (Object.keys(selection).length > 0) while ((await this.grants.revokeWithin(client, selection, reason)) > 0);
    if (sessions?.signIn !== undefined)
      await client.query(`delete from oidc_records where model = 'Session' and sign_in = $1`, [sessions.signIn]);
    if (sessions?.userId !== undefined)
      await client.query('delete from oidc_records where user_id = $1', [sessions.userId]);
  }

  async #expire(): Promise<void> {
    if (Date.now() - this.#expiredAt < expiryMs) return;
    const removed = await this.records.expire(expiryLimit);
    // More than one round holds is looked for again at once.
    if (removed < expiryLimit) this.#expiredAt = Date.now();
  }
}
