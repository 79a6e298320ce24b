import type { SessionStarted } from '@gatehouse/contracts';
import { asTenant } from '@gatehouse/event-store';
import type { AreaContext } from '../area.js';
import type { Holder } from './factor-rows.service.js';

/** How long a sign-in, or a proof within it, lets a person change second factors. */
export const freshMs = 600_000;

/** When somebody last proved who he is: a session that was stolen later must not add a way in, nor take one away. */
export class FreshProofs {
  readonly #area: AreaContext;

  constructor(area: AreaContext) {
    this.#area = area;
  }

  /** Whether this session of this person began, or was proved again, within {@link freshMs}. */
  async isFresh(holder: Holder, sessionId: string, nowMs: number): Promise<boolean> {
    const startedMs = await this.#startOf(holder, sessionId);
    if (startedMs === undefined) return false;
    return nowMs - startedMs < freshMs || (await this.#provedSince(holder, sessionId, nowMs - freshMs));
  }

  /** @returns false where there is no such session of this person */
  async record({ userId, homeTenantId }: Holder, sessionId: string, nowMs: number): Promise<boolean> {
    if ((await this.#startOf({ userId, homeTenantId }, sessionId)) === undefined) return false;
    await asTenant(this.#area.platform.database.request, homeTenantId, (client) =>
      client.query(
        `insert into factor_proofs (tenant_id, session_id, user_id, proved_at) values ($1, $2, $3, $4)
         on conflict (session_id) do update set proved_at = $4`,
        [homeTenantId, sessionId, userId, new Date(nowMs)],
      ),
    );
    return true;
  }

  async #provedSince({ userId, homeTenantId }: Holder, sessionId: string, sinceMs: number): Promise<boolean> {
    const { rowCount } = await asTenant(this.#area.platform.database.request, homeTenantId, (client) =>
      client.query('select 1 from factor_proofs where session_id = $1 and user_id = $2 and proved_at > $3', [
        sessionId,
        userId,
        new Date(sinceMs),
      ]),
    );
    return rowCount === 1;
  }

  /** From the log itself: a token of a client's grant has a `sid` too, and no such stream. */
  async #startOf({ userId, homeTenantId }: Holder, sessionId: string): Promise<number | undefined> {
    if (!sessionPattern.test(sessionId)) return undefined;
    const { events } = await this.#area.store.read(homeTenantId, `session:${sessionId}`);
    const started = events.find(({ type }) => type === 'session.started');
    const ended = events.some(({ type }) => type === 'session.ended');
    if (!started || ended || (started.data as unknown as SessionStarted).userId !== userId) return undefined;
    return Date.parse(started.occurredAt);
  }
}

const sessionPattern = /^[0-9a-f-]{36}$/;
