import { knownKeysProjection } from '@gatehouse/authn';
import type { KeyCreated, TenantCreated } from '@gatehouse/contracts';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import type pg from 'pg';
import { type GrantTerms, grantDecider, grantIdOf, grantStream } from '../grant/grant.js';
import { grantRole } from '../grant/grant-role/grant-role.js';

/** Which grants follow from an event of identity: the owner of a tenant, the roles a service key was made with. */
export function grantsFrom({ envelope }: ProjectedEvent): readonly GrantTerms[] {
  if (envelope.type === 'tenant.created') {
    const { ownerId } = envelope.data as unknown as TenantCreated;
    return [{ subject: { type: 'user', id: ownerId }, role: 'owner', scope: '*' }];
  }
  if (envelope.type === 'key.created') {
    const { principal, roles } = envelope.data as unknown as KeyCreated;
    return roles.map((role) => ({ subject: principal, role, scope: '*' }));
  }
  return [];
}

/**
 * Takes over what identity says: keys, to recognise callers, and grants, which become events of policy's own log, so
 * that one position orders everything a decision can read. All in the transaction that moves the consumer's position.
 */
export const importIdentity = (store: PostgresEventStore) => {
  const keys = knownKeysProjection('policy');
  return async (client: pg.PoolClient, events: readonly ProjectedEvent[]): Promise<void> => {
    const log = store.within(client);
    await keys.apply(
      client,
      events.filter((event) => keys.types.includes(event.envelope.type)),
    );
    for (const event of events) {
      for (const terms of grantsFrom(event)) {
        const streamId = grantStream(grantIdOf(terms));
        await handle(log, grantDecider, { streamId, context: contextOf(event), decide: grantRole(terms) });
      }
    }
  };
};

/** The actor stays who made the key or the tenant; the cause is identity's event. */
const contextOf = ({ envelope }: ProjectedEvent): CommandContext => ({
  tenantId: envelope.tenantId,
  actor: envelope.actor,
  now: Date.parse(envelope.occurredAt),
  correlationId: envelope.correlationId,
  causationId: envelope.id,
});
