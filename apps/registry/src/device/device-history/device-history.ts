import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';

interface HistoryRow {
  readonly event_id: string;
  readonly at: Date;
  readonly status: string;
  readonly reason: string | null;
}

/** When a device was there and when not, the newest first. @param cursor of an answer: the event it ended with */
export async function readHistory(
  pool: pg.Pool,
  tenantId: string,
  deviceId: string,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
) {
  const { rows } = await asTenant(pool, tenantId, (client) =>
    client.query<HistoryRow>(
      `select event_id, at, status, reason from device_status_history where tenant_id = $1 and device_id = $2
         and ($3::uuid is null or event_id < $3::uuid) order by event_id desc limit $4`,
      [tenantId, deviceId, cursor ?? null, limit + 1],
    ),
  );
  const page = rows.slice(0, limit);
  return {
    history: page.map(({ at, status, reason }) => ({ at: at.toISOString(), status, reason })),
    nextCursor: rows.length > limit ? (page.at(-1)?.event_id ?? null) : null,
  };
}
