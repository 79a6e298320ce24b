import type { DeviceKeyIssued, DeviceKeyRevoked, DeviceRemoved } from '@gatehouse/contracts';
import { type Query, roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { ProjectedEvent, Projection } from '@gatehouse/projection';

/** One key of a device as every service knows it: enough to recognise the device, nothing to impersonate it. */
export interface KnownDevice {
  readonly keyId: string;
  readonly tenantId: string;
  readonly deviceId: string;
  /** Base64 of HMAC-SHA256(pepper, key). */
  readonly fingerprint: string;
  readonly expiresAt: Date | null;
}

/**
 * Keys of devices, from the registry's log. Beside `known_keys`, whose rows are identity's and are rebuilt from its log
 * alone. Needs `knownCallersSql`, whose trigger tells every replica of a change.
 *
 * @param requestRights of the role that serves requests: none but in the registry, which writes the rows with its events
 */
export const knownDevicesSql = (service: string, requestRights?: string): string => `
  create table ${service}.known_devices (
    key_id uuid primary key,
    tenant_id text not null,
    device_id uuid not null,
    fingerprint text not null unique,
    expires_at timestamptz
  );
  create index known_devices_device on ${service}.known_devices (device_id);
  ${requestRights ? tenantTableSql(service, 'known_devices', requestRights) : systemOnlySql(service)}
  create trigger tell_callers after insert or update or delete on ${service}.known_devices
    for each row execute function ${service}.tell_callers('device', 'key_id');`;

const systemOnlySql = (service: string): string =>
  `grant select, insert, update, delete on ${service}.known_devices to ${roleNames(service).system};`;

export const dropKnownDevicesSql = (service: string): string => `drop table ${service}.known_devices;`;

type Client = Pick<Query, 'query'>;

/** Keeps `known_devices`. A device that was removed has no key any more, whether or not each was revoked. */
export const knownDevicesProjection: Projection = {
  name: 'known_devices',
  version: 1,
  tables: ['known_devices'],
  types: ['device.key.issued', 'device.key.revoked', 'device.removed'],
  apply: async (client, events) => {
    for (const event of events) await applyDeviceEvent(client as Client, event);
  },
};

async function applyDeviceEvent(client: Client, { envelope }: ProjectedEvent): Promise<unknown> {
  const { type, tenantId, data } = envelope;
  if (type === 'device.key.issued') {
    const { keyId, deviceId, lookup, expiresAt } = data as unknown as DeviceKeyIssued;
    return client.query(
      `insert into known_devices (key_id, tenant_id, device_id, fingerprint, expires_at) values ($1, $2, $3, $4, $5)
       on conflict (key_id) do nothing`,
      [keyId, tenantId, deviceId, lookup, expiresAt ?? null],
    );
  }
  if (type === 'device.key.revoked')
    return client.query('delete from known_devices where tenant_id = $1 and key_id = $2', [
      tenantId,
      (data as unknown as DeviceKeyRevoked).keyId,
    ]);
  if (type === 'device.removed')
    return client.query('delete from known_devices where tenant_id = $1 and device_id = $2', [
      tenantId,
      (data as unknown as DeviceRemoved).deviceId,
    ]);
  return undefined;
}

/** All keys, or those of these ids. */
export async function selectKnownDevices(query: Query, ids?: readonly string[]): Promise<readonly KnownDevice[]> {
  const { rows } = await query.query<KnownDevice>(
    `select key_id as "keyId", tenant_id as "tenantId", device_id as "deviceId", fingerprint, expires_at as "expiresAt"
     from known_devices ${ids ? 'where key_id = any($1::uuid[])' : ''}`,
    ids ? [ids] : [],
  );
  return rows;
}
