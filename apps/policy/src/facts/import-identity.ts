import { knownKeysProjection } from '@gatehouse/authn';
import type { Entity } from '@gatehouse/contracts';
import {
  type CommandContext,
  type EventStore,
  type HandleOptions,
  handle,
  type PostgresEventStore,
} from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import type pg from 'pg';
import { type Grant, grantDecider, grantIdOf, grantStream } from '../grant/grant.js';
import { grantRole } from '../grant/grant-role/grant-role.js';
import { revokeRole } from '../grant/revoke-role/revoke-role.js';
import { groupMemberDecider, joinGroup, leaveGroup, membershipStream } from '../group/group.js';
import { type FactChange, factChanges } from './grant-changes.js';

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
      for (const change of factChanges(event.envelope)) await apply(client, log, contextOf(event), change);
    }
  };
};

async function apply(client: pg.PoolClient, log: EventStore, context: CommandContext, change: FactChange) {
  switch (change.kind) {
    case 'grant':
    case 'revoke':
      return changeGrant(
        log,
        context,
        grantIdOf(change.terms),
        change.kind === 'grant' ? grantRole(change.terms) : revokeRole(),
      );
    case 'join':
    case 'leave': {
      const decide = (change.kind === 'join' ? joinGroup : leaveGroup)(change.membership);
      return void (await handle(log, groupMemberDecider, {
        streamId: membershipStream(change.membership),
        context,
        decide,
      }));
    }
    case 'revoke_all':
    case 'revoke_earlier': {
      const before = change.kind === 'revoke_earlier' ? new Date(context.now) : undefined;
      for (const grantId of await heldBy(client, context.tenantId, change.subject, before))
        await changeGrant(log, context, grantId, revokeRole());
    }
  }
}

type DecideGrant = HandleOptions<Grant>['decide'];

async function changeGrant(log: EventStore, context: CommandContext, grantId: string, decide: DecideGrant) {
  await handle(log, grantDecider, { streamId: grantStream(grantId), context, decide });
}

/** Active grants of a subject: all, or those made before a moment. */
async function heldBy(
  client: pg.PoolClient,
  tenantId: string,
  subject: Entity,
  before: Date | undefined,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ grant_id: string }>(
    `select grant_id from grants where tenant_id = $1 and subject_type = $2 and subject_id = $3 and active
       and ($4::timestamptz is null or granted_at < $4) order by grant_id`,
    [tenantId, subject.type, subject.id, before ?? null],
  );
  return rows.map((row) => row.grant_id);
}

/** The actor stays who made the key or the tenant; the cause is identity's event. */
const contextOf = ({ envelope }: ProjectedEvent): CommandContext => ({
  tenantId: envelope.tenantId,
  actor: envelope.actor,
  now: Date.parse(envelope.occurredAt),
  correlationId: envelope.correlationId,
  causationId: envelope.id,
});
