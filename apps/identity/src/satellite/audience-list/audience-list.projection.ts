import type { AudienceCreated, AudienceDeactivated, Envelope } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Written in the transaction of the events: its primary key is what makes a name unique in the installation. */
export const audienceListProjection: Projection = {
  name: 'audiences',
  version: 1,
  tables: ['audiences'],
  types: ['audience.created', 'audience.changed', 'audience.deactivated', 'audience.reactivated'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);
  },
};

async function apply(client: Client, { type, tenantId, data, occurredAt, revision }: Envelope): Promise<void> {
  const { name, access, guests, showsEmail } = data as unknown as AudienceCreated;
  if (type === 'audience.created') {
    await client.query(
      `insert into audiences (tenant_id, name, status, access, guests, shows_email, created_at, revision)
       values ($1, $2, 'active', $3, $4, $5, $6, $7)`,
      [tenantId, name, access, guests, showsEmail, occurredAt, revision],
    );
  } else if (type === 'audience.changed') {
    await client.query(
      'update audiences set access = $3, guests = $4, shows_email = $5, revision = $6 where tenant_id = $1 and name = $2',
      [tenantId, name, access, guests, showsEmail, revision],
    );
  } else {
    const isActive = type === 'audience.reactivated';
    const { reason = null } = data as unknown as Partial<AudienceDeactivated>;
    await client.query(
      'update audiences set status = $3, reason = $4, revision = $5 where tenant_id = $1 and name = $2',
      [tenantId, name, isActive ? 'active' : 'inactive', isActive ? null : reason, revision],
    );
  }
}
