import { asTenant } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';

interface SessionRow {
  readonly session_id: string;
  readonly device_id: string;
  readonly device_name: string | null;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly kind: string;
  readonly detail: string | null;
  readonly actions: readonly string[];
  readonly decisions: readonly string[];
  readonly granted_at: Date;
  readonly expires_at: Date;
  readonly renewals: number;
  readonly relay_id: string | null;
  readonly source: string | null;
  readonly started_at: Date | null;
  readonly resumed: number | null;
  readonly ended_at: Date | null;
  readonly reason: string | null;
  readonly exit_code: number | null;
  readonly exit_signal: string | null;
  readonly bytes_in: string | null;
  readonly bytes_out: string | null;
  readonly duration_ms: string | null;
  readonly revoked_by: string | null;
  readonly refused: readonly string[] | null;
  readonly recording: string | null;
  readonly chunks: number | null;
}

const select = `select s.*, d.name as device_name, a.relay_id, a.source, a.started_at, a.resumed, a.ended_at, a.reason,
    a.exit_code, a.exit_signal, a.bytes_in, a.bytes_out, a.duration_ms, a.revoked_by, a.refused,
    a.recording, a.chunks
  from sessions s
  left join session_activity a on a.tenant_id = s.tenant_id and a.session_id = s.session_id
  left join devices d on d.tenant_id = s.tenant_id and d.device_id = s.device_id`;

/** Chunks told with one session: a day of a busy shell. */
const maxChunks = 10_000;

export interface SessionFilter {
  readonly device?: string | undefined;
  readonly subject?: { readonly type: string; readonly id: string } | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const cursorPattern = /^(\d{1,15})\.([0-9a-f-]{36})$/;

/** Sessions of a tenant, the newest first. */
export async function listSessions(pool: pg.Pool, tenantId: string, filter: SessionFilter) {
  const { device, subject, limit, cursor } = filter;
  const before = cursor === undefined ? undefined : cursorPattern.exec(cursor);
  if (before === null)
    throw new ProblemError('validation_failed', undefined, {
      errors: [{ path: 'query.cursor', message: 'is none of ours' }],
    });
  const { rows } = await asTenant(pool, tenantId, (client) =>
    client.query<SessionRow>(
      `${select} where s.tenant_id = $1 and ($2::uuid is null or s.device_id = $2)
         and ($3::text is null or (s.subject_type = $3 and s.subject_id = $4))
         and ($5::bigint is null or
           (date_trunc('milliseconds', s.granted_at), s.session_id) < (to_timestamp($5::bigint / 1000.0), $6::uuid))
       order by date_trunc('milliseconds', s.granted_at) desc, s.session_id desc limit $7`,
      [
        tenantId,
        device ?? null,
        subject?.type ?? null,
        subject?.id ?? null,
        before?.[1] ?? null,
        before?.[2] ?? null,
        limit + 1,
      ],
    ),
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = rows.length > limit && last ? `${last.granted_at.getTime()}.${last.session_id}` : null;
  return { sessions: page.map((row) => sessionView(row)), nextCursor };
}

/** One session with the chunks of its recording; undefined for none. */
export async function readSession(pool: pg.Pool, tenantId: string, sessionId: string) {
  return asTenant(pool, tenantId, async (client) => {
    const where = 'where s.tenant_id = $1 and s.session_id = $2';
    const { rows } = await client.query<SessionRow>(`${select} ${where}`, [tenantId, sessionId]);
    const [row] = rows;
    if (!row) return undefined;
    const chunks = await client.query<{ index: number; bytes: string; sha256: string }>(
      `select chunk as index, bytes, sha256 from recording_chunks where tenant_id = $1 and session_id = $2
       order by chunk limit ${maxChunks}`,
      [tenantId, sessionId],
    );
    return sessionView(
      row,
      chunks.rows.map(({ index, bytes, sha256 }) => ({ index, bytes: Number(bytes), sha256 })),
    );
  });
}

const number = (value: string | null): number | null => (value === null ? null : Number(value));

const sessionView = (row: SessionRow, chunks?: readonly object[]) => ({
  sessionId: row.session_id,
  deviceId: row.device_id,
  ...(row.device_name !== null && { deviceName: row.device_name }),
  subject: { type: row.subject_type, id: row.subject_id },
  kind: row.kind,
  detail: row.detail,
  actions: row.actions,
  decisions: row.decisions,
  status: row.ended_at ? (row.revoked_by === null ? 'ended' : 'revoked') : row.started_at ? 'live' : 'granted',
  grantedAt: row.granted_at.toISOString(),
  expiresAt: row.expires_at.toISOString(),
  renewals: row.renewals,
  relayId: row.relay_id,
  source: row.source,
  startedAt: row.started_at?.toISOString() ?? null,
  resumed: row.resumed ?? 0,
  endedAt: row.ended_at?.toISOString() ?? null,
  reason: row.reason,
  revokedBy: row.revoked_by,
  refused: row.refused ?? [],
  exit: row.exit_code === null && row.exit_signal === null ? null : { code: row.exit_code, signal: row.exit_signal },
  bytesIn: number(row.bytes_in),
  bytesOut: number(row.bytes_out),
  durationMs: number(row.duration_ms),
  recording:
    row.recording === null ? null : { status: row.recording, chunkCount: row.chunks ?? 0, ...(chunks && { chunks }) },
});
