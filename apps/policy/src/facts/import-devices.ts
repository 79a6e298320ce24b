import { knownDevicesProjection } from '@gatehouse/authn';
import type {
  DeviceGrouped,
  DeviceLabelled,
  DeviceMoved,
  DeviceRenamed,
  EntityDescribed,
  Envelope,
  RegistrationApproved,
} from '@gatehouse/contracts';
import { type CommandContext, handle, type NewEvent, type PostgresEventStore } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import type pg from 'pg';
import { describeEntity } from '../entity/describe-entity/describe-entity.js';
import { type DescribedEntity, entityDecider, entityStream } from '../entity/entity.js';
import { forgetEntity } from '../entity/forget-entity/forget-entity.js';

/** Containers of devices: a role on `device-group/<name>` counts on every device in it. */
export const deviceGroupType = 'device-group';
export const deviceType = 'device';

/**
 * Takes over what the registry says of devices: their keys, to recognise them as callers, and owner, labels and groups, which
 * become events of policy's own log, as identity's do. All in the transaction that moves the consumer's position.
 */
export const importDevices =
  (store: PostgresEventStore) =>
  async (client: pg.PoolClient, events: readonly ProjectedEvent[]): Promise<void> => {
    const log = store.within(client);
    await knownDevicesProjection.apply(
      client,
      events.filter(({ envelope }) => knownDevicesProjection.types.includes(envelope.type)),
    );
    for (const { envelope } of events) {
      const { deviceId } = envelope.data as { readonly deviceId?: string };
      const decide = decisions[envelope.type];
      if (!decide || deviceId === undefined) continue;
      const streamId = entityStream({ type: deviceType, id: deviceId });
      const context = contextOf(envelope);
      await handle(log, entityDecider, { streamId, context, decide: (state) => decide(state, envelope) });
    }
  };

type Decide = (state: DescribedEntity, envelope: Envelope) => readonly NewEvent[];

/** What was told of a device that is not known, or not any more, changes nothing. */
const change =
  <T>(facts: (before: EntityDescribed, data: T) => EntityDescribed): Decide =>
  (state, { data }) =>
    state.status === 'described' ? describeEntity(facts(state.facts, data as T))(state) : [];

const decisions: Readonly<Record<string, Decide>> = {
  'device.registration.approved': (state, { data }) => {
    const { deviceId, name, owner } = data as unknown as RegistrationApproved;
    const before = state.status === 'described' ? state.facts : { labels: {}, properties: {}, parents: [] };
    return describeEntity({
      ...before,
      entity: { type: deviceType, id: deviceId },
      properties: { ...before.properties, name },
      owner,
    })(state);
  },
  'device.renamed': change<DeviceRenamed>((before, { name }) => ({
    ...before,
    properties: { ...before.properties, name },
  })),
  'device.labelled': change<DeviceLabelled>((before, { labels }) => ({ ...before, labels })),
  'device.moved': change<DeviceMoved>((before, { owner }) => ({ ...before, owner })),
  'device.grouped': change<DeviceGrouped>((before, { groups }) => ({
    ...before,
    parents: groups.map((id) => ({ type: deviceGroupType, id })),
  })),
  'device.removed': (state, { data }) =>
    forgetEntity({ type: deviceType, id: (data as { deviceId: string }).deviceId })(state),
};

/** The actor stays who approved or changed the device; the cause is the registry's event. */
const contextOf = (envelope: Envelope): CommandContext => ({
  tenantId: envelope.tenantId,
  actor: envelope.actor,
  now: Date.parse(envelope.occurredAt),
  correlationId: envelope.correlationId,
  causationId: envelope.id,
});
