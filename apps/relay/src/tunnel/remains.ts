import type { Query } from '@gatehouse/event-store';
import type { SessionEvent, SessionLog } from '../session/session-log.js';
import { deadRelays } from './relay-leases.js';
import type { TunnelLog } from './tunnel-log.js';
import { tunnelsOf } from './tunnel-row.js';

export interface RemainsOptions {
  readonly query: Query;
  readonly tunnels: TunnelLog;
  readonly sessions: SessionLog;
  readonly leaseMs: number;
  /** How long a session may be without a relay until its client reaches another one. */
  readonly resumeMs: number;
  /** Whether relays that were not heard of are silent themselves, and not PostgreSQL for all of them. */
  readonly isSilenceTheirs: () => boolean;
}

const page = 200;
const atOnce = 16;

interface SessionRow {
  readonly tenant_id: string;
  readonly session_id: string;
  readonly relay_id: string;
}

/** Ends what relays left behind that do not run any more: nothing stays open for ever because a process was killed. */
export class Remains {
  readonly #options: RemainsOptions;

  constructor(options: RemainsOptions) {
    this.#options = options;
  }

  /** What other relays left, whose lease ran out. Each answer counts if PostgreSQL was there all the while it was waited for. */
  async ofDeadRelays(): Promise<void> {
    const { query, leaseMs, resumeMs, isSilenceTheirs } = this.#options;
    const dead = await deadRelays(query, leaseMs);
    for (const relayId of dead) if (isSilenceTheirs()) await this.tunnelsOf(relayId);
    const { rows } = await query.query<SessionRow>(
      `select s.tenant_id, s.session_id, s.relay_id from sessions s join relays r on r.relay_id = s.relay_id
       where r.seen_at < now() - $1 * interval '1 millisecond' and s.since < now() - $2 * interval '1 millisecond'
       limit ${page}`,
      [leaseMs + resumeMs, resumeMs],
    );
    if (isSilenceTheirs()) await this.#endAll(rows);
  }

  /** Every tunnel that stands in a relay's name. */
  async tunnelsOf(relayId: string): Promise<void> {
    for (;;) {
      const rows = await tunnelsOf(this.#options.query, relayId, page);
      await inTurns(rows, ({ tenantId, deviceId, tunnelId }) =>
        this.#options.tunnels.closed(tenantId, deviceId, tunnelId, 'relay_stopped'),
      );
      if (rows.length < page) return;
    }
  }

  /** Sessions that stand in this relay's name and that it knows nothing of: those of an earlier process of that name. */
  async unknownSessionsOf(relayId: string, isKnown: (sessionId: string) => boolean): Promise<void> {
    const { query, resumeMs } = this.#options;
    const { rows } = await query.query<SessionRow>(
      `select tenant_id, session_id, relay_id from sessions
       where relay_id = $1 and since < now() - $2 * interval '1 millisecond' order by since`,
      [relayId, resumeMs],
    );
    await this.#endAll(rows.filter((row) => !isKnown(row.session_id)).slice(0, page));
  }

  #endAll(rows: readonly SessionRow[]): Promise<void> {
    return inTurns(rows, async ({ tenant_id: tenantId, session_id: sessionId, relay_id: relayId }) => {
      await this.#options.sessions.append({ tenantId, sessionId }, { type: 'service', id: 'relay' }, (logged) => {
        // Its client came back at another relay, or it has ended meanwhile.
        if (logged.status !== 'live' || logged.relayId !== relayId) return [];
        const { deviceId, chunks, recordingOver, startedAtMs = Date.now() } = logged;
        const events: SessionEvent[] = [];
        if (chunks > 0 && !recordingOver)
          events.push({ type: 'recording.truncated', data: { sessionId, deviceId, chunks } });
        const durationMs = Math.max(0, Date.now() - startedAtMs);
        const data = { sessionId, deviceId, reason: 'relay_stopped', durationMs };
        events.push({ type: 'device.session.ended', data });
        return events;
      });
    });
  }
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += atOnce) await Promise.all(items.slice(i, i + atOnce).map(work));
}
