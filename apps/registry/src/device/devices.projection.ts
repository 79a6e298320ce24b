import type {
  DeviceGrouped,
  DeviceKeysRotated,
  DeviceLabelled,
  DeviceMoved,
  DeviceRemoved,
  DeviceRenamed,
  DeviceSettingsChanged,
  Envelope,
  RegistrationApproved,
  RegistrationRejected,
  RegistrationRequested,
} from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

type Query = Parameters<Projection['apply']>[0];
type Apply = (query: Query, envelope: Envelope) => Promise<unknown>;

const deviceIdOf = ({ data, streamId }: Envelope): string =>
  (data as { readonly deviceId?: string }).deviceId ?? streamId.slice('device:'.length);

/** Sets columns of the event's device, and its revision. Values follow the tenant, the device and the revision. */
const set = (query: Query, envelope: Envelope, columns: string, values: readonly unknown[] = []) =>
  query.query(`update devices set revision = $3${columns && `, ${columns}`} where tenant_id = $1 and device_id = $2`, [
    ...[envelope.tenantId, deviceIdOf(envelope), envelope.revision],
    ...values,
  ]);

const changes: Readonly<Record<string, Apply>> = {
  'device.registration.requested': async (query, envelope) => {
    const { requestId, deviceId, description, keys } = envelope.data as unknown as RegistrationRequested;
    const { hostname, platform, architecture, version } = description;
    // Of an approved device the keys stay until somebody approves again.
    await query.query(
      `insert into devices (tenant_id, device_id, status, revision, request_id, request_state, requested_at, fingerprint,
         identity_key, session_key, keys_since, hostname, platform, architecture, version)
       values ($1, $2, 'pending', $3, $4, 'pending', $5, $6, $7, $8, $5, $9, $10, $11, $12)
       on conflict (tenant_id, device_id) do update set revision = excluded.revision, request_id = excluded.request_id,
         request_state = 'pending', requested_at = excluded.requested_at, hostname = excluded.hostname,
         platform = excluded.platform, architecture = excluded.architecture, version = excluded.version,
         status = case when devices.status = 'approved' then 'approved' else 'pending' end,
         session_key = case when devices.status = 'approved' then devices.session_key else excluded.session_key end`,
      [
        ...[envelope.tenantId, deviceId, envelope.revision, requestId, envelope.occurredAt, keys.fingerprint],
        ...[keys.identity, keys.session, hostname, platform, architecture, version],
      ],
    );
  },
  'device.registration.approved': async (query, envelope) => {
    const { name, owner, keys } = envelope.data as unknown as RegistrationApproved;
    await set(
      query,
      envelope,
      `status = 'approved', request_state = 'approved', name = $4, owner_type = $5, owner_id = $6, session_key = $7,
       approved_at = $8, rejection = null`,
      [name, owner.type, owner.id, keys.session, envelope.occurredAt],
    );
  },
  'device.registration.rejected': (query, envelope) =>
    set(
      query,
      envelope,
      `request_state = 'rejected', rejection = $4, status = case when status = 'pending' then 'rejected' else status end`,
      [(envelope.data as unknown as RegistrationRejected).reason],
    ),
  'device.registration.rejection_lifted': async (query, { tenantId, streamId }) =>
    query.query(`delete from devices where tenant_id = $1 and device_id = $2 and status = 'rejected'`, [
      tenantId,
      streamId.slice('device:'.length),
    ]),
  'device.keys.rotated': async (query, envelope) => {
    const { keys } = envelope.data as unknown as DeviceKeysRotated;
    const { fingerprint, identity, session } = keys;
    await set(query, envelope, 'fingerprint = $4, identity_key = $5, session_key = $6, keys_since = $7', [
      ...[fingerprint, identity, session, envelope.occurredAt],
    ]);
  },
  'device.key.issued': (query, envelope) => set(query, envelope, ''),
  'device.key.revoked': (query, envelope) => set(query, envelope, ''),
  'device.renamed': (query, envelope) =>
    set(query, envelope, 'name = $4', [(envelope.data as unknown as DeviceRenamed).name]),
  'device.labelled': (query, envelope) =>
    set(query, envelope, 'labels = $4', [JSON.stringify((envelope.data as unknown as DeviceLabelled).labels)]),
  'device.grouped': (query, envelope) =>
    set(query, envelope, 'groups = $4', [(envelope.data as unknown as DeviceGrouped).groups]),
  'device.moved': (query, envelope) => {
    const { owner } = envelope.data as unknown as DeviceMoved;
    return set(query, envelope, 'owner_type = $4, owner_id = $5', [owner.type, owner.id]);
  },
  'device.settings_changed': (query, envelope) => {
    const { record, approveOnDevice } = envelope.data as unknown as DeviceSettingsChanged;
    return set(query, envelope, 'record = $4, approve_on_device = $5', [record, approveOnDevice]);
  },
  'device.removed': async (query, envelope) => {
    const { deviceId, reason } = envelope.data as unknown as DeviceRemoved;
    // What was never let in leaves no row; of the others the sessions still tell the name.
    await query.query(`delete from devices where tenant_id = $1 and device_id = $2 and approved_at is null`, [
      envelope.tenantId,
      deviceId,
    ]);
    await set(query, envelope, `status = 'removed', removed_at = $4, removal = $5`, [envelope.occurredAt, reason]);
  },
};

/** Written in the transaction of the events: an approval is there when it is answered. */
export const devicesProjection: Projection = {
  name: 'devices',
  version: 1,
  tables: ['devices'],
  types: Object.keys(changes),
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) await changes[envelope.type]?.(query, envelope);
  },
};
