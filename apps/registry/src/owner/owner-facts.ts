import type { Envelope } from '@gatehouse/contracts';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import type pg from 'pg';
import { changeDevice } from '../device/change-device/change-device.js';
import { type Device, deviceDecider, deviceStream } from '../device/device.js';
import { removeDevice } from '../device/remove-device/remove-device.js';

interface Held {
  readonly tenantId: string;
  readonly deviceId: string;
}

/**
 * What becomes of devices whose owner goes: with a tenant its devices go; what an erased person owned in an organization is
 * that organization's.
 */
export const applyOwnerFacts =
  (store: PostgresEventStore) =>
  async (client: pg.PoolClient, events: readonly ProjectedEvent[]): Promise<void> => {
    const log = store.within(client);
    const change = async (
      { tenantId, deviceId }: Held,
      envelope: Envelope,
      decide: (device: Device) => ReturnType<ReturnType<typeof removeDevice>>,
    ) =>
      handle(log, deviceDecider, { streamId: deviceStream(deviceId), context: contextOf(envelope, tenantId), decide });
    for (const { envelope } of events) {
      if (envelope.type === 'tenant.closed')
        for (const device of await heldIn(client, envelope.tenantId))
          await change(device, envelope, removeDevice('tenant_closed'));
      if (envelope.type === 'user.erased')
        for (const device of await ownedBy(client, (envelope.data as { userId: string }).userId)) {
          const isPersonal = device.tenantId.startsWith('p-');
          const owner = { type: 'org', id: device.tenantId };
          await change(device, envelope, isPersonal ? removeDevice('owner_erased') : movedTo(owner));
        }
    }
  };

const movedTo = (owner: { type: string; id: string }) => (device: Device) =>
  device.status === 'approved' ? changeDevice({ owner })(device) : [];

const heldColumns = `select tenant_id as "tenantId", device_id as "deviceId" from devices where status <> 'removed'`;

const heldIn = async (client: pg.PoolClient, tenantId: string) =>
  (await client.query<Held>(`${heldColumns} and tenant_id = $1`, [tenantId])).rows;

const ownedBy = async (client: pg.PoolClient, userId: string) =>
  (await client.query<Held>(`${heldColumns} and owner_type = 'user' and owner_id = $1`, [userId])).rows;

const contextOf = ({ id, occurredAt, correlationId }: Envelope, tenantId: string): CommandContext => ({
  tenantId,
  actor: { type: 'gatehouse', id: 'registry' },
  now: Date.parse(occurredAt),
  correlationId,
  causationId: id,
});
