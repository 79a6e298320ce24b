import type { Envelope, MemberAdded } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Who changes members on behalf of a provider: an actor of its own, so that a hand is told from it for ever. */
export const federationActor = { type: 'gatehouse', id: 'federation' } as const;

/**
 * Whose role follows the groups of a provider (`federation`), who was put out by hand (`removed`) and stays out. Everybody
 * else has no row: a role that was given or changed by hand is nobody else's to touch.
 */
export const federatedMembersProjection: Projection = {
  name: 'federated_members',
  version: 1,
  tables: ['federated_members'],
  types: ['member.added', 'member.role_changed', 'member.removed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);
  },
};

async function apply(client: Client, { type, tenantId, data, actor }: Envelope): Promise<void> {
  const { userId, via } = data as MemberAdded;
  const byFederation = actor.type === federationActor.type && actor.id === federationActor.id;
  const key = [tenantId, userId];
  const set = (governed: string) =>
    client.query(
      `insert into federated_members (tenant_id, user_id, governed) values ($1, $2, $3)
       on conflict (tenant_id, user_id) do update set governed = excluded.governed`,
      [...key, governed],
    );
  if (type === 'member.added' && via === 'federation') await set('federation');
  else if (type === 'member.removed' && !byFederation)
    await client.query(`update federated_members set governed = 'removed' where tenant_id = $1 and user_id = $2`, key);
  else if (!byFederation || type === 'member.removed')
    await client.query('delete from federated_members where tenant_id = $1 and user_id = $2', key);
}
