import { asTenant } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { type DeviceRow, deviceColumns } from '../device/device-rows.js';
import { descriptionOf } from '../device/device-view.js';
import { pendingMs } from './registration-terms.js';

export interface RegistrationQuery {
  readonly state: 'pending' | 'rejected';
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** `<time> <device>` of the last row that was given. */
const cursorPattern = /^(\d{1,15})\.([0-9a-f-]{36})$/;

/** Registrations that wait, or that were rejected, the oldest first. */
export async function listRegistrations(
  pool: pg.Pool,
  tenantId: string,
  { state, limit, cursor }: RegistrationQuery,
  now: number,
) {
  const after = cursor === undefined ? ['', '0', '00000000-0000-0000-0000-000000000000'] : cursorPattern.exec(cursor);
  if (!after)
    throw new ProblemError('validation_failed', undefined, {
      errors: [{ path: 'query.cursor', message: 'is none of ours' }],
    });
  const rows = await asTenant(pool, tenantId, async (client) => {
    const found = await client.query<DeviceRow & { addresses: string[] | null }>(
      `select ${deviceColumns}, p.addresses from devices d
       left join registration_places p on p.tenant_id = d.tenant_id and p.request_id = d.request_id
       where d.tenant_id = $1 and d.request_state = $2 and d.status <> 'removed' and ($2 <> 'pending' or d.requested_at > $3)
         and (date_trunc('milliseconds', d.requested_at), d.device_id) > (to_timestamp($4::bigint / 1000.0), $5::uuid)
       order by date_trunc('milliseconds', d.requested_at), d.device_id limit $6`,
      [tenantId, state, new Date(now - pendingMs), after[1], after[2], limit + 1],
    );
    return found.rows;
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = rows.length > limit && last ? `${last.requestedAt.getTime()}.${last.deviceId}` : null;
  return { registrations: page.map(registrationView), nextCursor };
}

const registrationView = (row: DeviceRow & { readonly addresses: readonly string[] | null }) => ({
  requestId: row.requestId,
  deviceId: row.deviceId,
  state: row.requestState,
  fingerprint: row.fingerprint,
  description: descriptionOf(row),
  addresses: row.addresses ?? [],
  requestedAt: row.requestedAt.toISOString(),
  expiresAt: new Date(row.requestedAt.getTime() + pendingMs).toISOString(),
  ...(row.rejection !== null && { reason: row.rejection }),
  /** An approved device that has lost its key, and asks for another one. */
  isAgain: row.approvedAt !== null,
});
