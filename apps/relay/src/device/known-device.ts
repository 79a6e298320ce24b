import type { Query } from '@gatehouse/event-store';

export const deviceChannel = 'gatehouse_relay_devices';

/** A device that was approved once, as the registry's log tells. */
export interface KnownDevice {
  readonly deviceId: string;
  readonly tenantId: string;
  /** Base64url of its Ed25519 public key. */
  readonly identityKey: string;
  /** Nothing of it works any more. */
  readonly removed: boolean;
}

export async function selectDevices(query: Query, ids?: readonly string[]): Promise<readonly KnownDevice[]> {
  const { rows } = await query.query<KnownDevice>(
    `select device_id as "deviceId", tenant_id as "tenantId", identity_key as "identityKey", removed
     from device_identities ${ids ? 'where device_id = any($1::uuid[])' : ''}`,
    ids ? [ids] : [],
  );
  return rows;
}
