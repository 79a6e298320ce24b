import { asTenant, type CommandContext } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SessionLog } from './session-log.js';

/** On which the relay that has a session hears that it was cut. */
export const cutChannel = 'gatehouse_relay_cuts';

export interface SessionView {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly kind: string;
  readonly source: string | null;
  readonly relayId: string;
  readonly startedAt: string;
}

interface Row {
  readonly session_id: string;
  readonly device_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly kind: string;
  readonly source: string | null;
  readonly relay_id: string;
  readonly started_at: Date;
}

const viewOf = (row: Row): SessionView => ({
  sessionId: row.session_id,
  deviceId: row.device_id,
  subject: { type: row.subject_type, id: row.subject_id },
  kind: row.kind,
  source: row.source,
  relayId: row.relay_id,
  startedAt: row.started_at.toISOString(),
});

const firstId = '00000000-0000-0000-0000-000000000000';

/** The sessions of a tenant that run, wherever they do: about a second late. */
export class SessionList {
  constructor(
    /** Connections of the request role. */
    private readonly pool: pg.Pool,
    private readonly log: SessionLog,
  ) {}

  page(tenantId: string, deviceId: string | undefined, after = firstId, limit: number): Promise<SessionView[]> {
    return this.#select(
      tenantId,
      `select * from sessions where tenant_id = $1 and session_id > $2 and ($3::uuid is null or device_id = $3)
       order by session_id limit $4`,
      [tenantId, after, deviceId ?? null, limit],
    );
  }

  async find(tenantId: string, sessionId: string): Promise<SessionView | undefined> {
    const text = 'select * from sessions where tenant_id = $1 and session_id = $2';
    return (await this.#select(tenantId, text, [tenantId, sessionId]))[0];
  }

  /** In the log first, and then told: a relay that did not hear it finds it there. */
  async cut({ tenantId, actor }: CommandContext, { sessionId, deviceId }: SessionView, decision: string | undefined) {
    const data = { sessionId, deviceId, cause: 'cut', ...(decision !== undefined && { decision }) };
    await this.log.append(
      { tenantId, sessionId },
      actor,
      ({ status, revoked }) => (status === 'live' && !revoked ? [{ type: 'device.session.revoked', data }] : []),
      decision,
    );
    await this.pool.query('select pg_notify($1, $2)', [cutChannel, sessionId]);
  }

  #select(tenantId: string, text: string, values: unknown[]): Promise<SessionView[]> {
    return asTenant(this.pool, tenantId, async (client) => (await client.query<Row>(text, values)).rows.map(viewOf));
  }
}
