import { knownDevicesProjection } from '@gatehouse/authn';
import type { DeviceKeys, DeviceSessionGranted } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';

type Envelope = ProjectedEvent['envelope'];
type Client = Parameters<typeof knownDevicesProjection.apply>[0];
type Keys = { readonly deviceId: string; readonly keys: DeviceKeys };

/** Longer than any grant lives. */
const renewalsKept = `interval '1 hour'`;

const changes: Readonly<Record<string, (query: Query, event: Envelope) => Promise<unknown>>> = {
  'device.registration.approved': (query, { tenantId, data }) => {
    const { deviceId, keys } = data as unknown as Keys;
    return query.query(
      `insert into device_identities (device_id, tenant_id, identity_key, removed) values ($1, $2, $3, false)
       on conflict (device_id) do update set tenant_id = excluded.tenant_id, identity_key = excluded.identity_key,
         removed = false`,
      [deviceId, tenantId, keys.identity],
    );
  },
  'device.keys.rotated': (query, { data }) => {
    const { deviceId, keys } = data as unknown as Keys;
    return query.query('update device_identities set identity_key = $2 where device_id = $1', [
      deviceId,
      keys.identity,
    ]);
  },
  'device.removed': (query, { data }) =>
    query.query('update device_identities set removed = true where device_id = $1', [
      (data as unknown as Keys).deviceId,
    ]),
  'device.session.granted': async (query, { data, occurredAt }) => {
    const { sessionId, expiresAt } = data as unknown as DeviceSessionGranted;
    await query.query(
      `insert into renewals (session_id, expires_at) values ($1, $2)
       on conflict (session_id) do update set expires_at = greatest(renewals.expires_at, excluded.expires_at)`,
      [sessionId, expiresAt],
    );
    await query.query(`delete from renewals where expires_at < $1::timestamptz - ${renewalsKept}`, [occurredAt]);
  },
};

/** The registry's log as far as a relay needs it: which devices there are, their keys as callers, and until when sessions are granted. */
export async function importDevices(query: Query, events: readonly ProjectedEvent[]): Promise<void> {
  await knownDevicesProjection.apply(query as Client, events);
  for (const { envelope } of events) await changes[envelope.type]?.(query, envelope);
}

/** Until when a session was granted last, in Unix milliseconds, as far as the registry's events have come. */
export async function grantedUntil(query: Query, sessionId: string): Promise<number | undefined> {
  const { rows } = await query.query<{ expires_at: Date }>('select expires_at from renewals where session_id = $1', [
    sessionId,
  ]);
  return rows[0]?.expires_at.getTime();
}
