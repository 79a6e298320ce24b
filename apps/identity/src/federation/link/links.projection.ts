import type { Envelope, IdpLinkAdded, IdpLinkRemoved } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Who is whom. Its second index refuses a person two links at one provider: an address that got another owner there. */
export const linksProjection: Projection = {
  name: 'idp_links',
  version: 1,
  tables: ['idp_links'],
  types: ['idp_link.added', 'idp_link.removed', 'idp.removed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);
  },
};

async function apply(client: Client, { type, tenantId, data, occurredAt }: Envelope): Promise<void> {
  const { idpId, userId, subjectIndex } = data as IdpLinkAdded & IdpLinkRemoved;
  if (type === 'idp.removed') {
    await client.query('delete from idp_links where tenant_id = $1 and idp_id = $2', [tenantId, idpId]);
    return;
  }
  const key = [tenantId, idpId, subjectIndex];
  if (type === 'idp_link.removed')
    await client.query('delete from idp_links where tenant_id = $1 and idp_id = $2 and subject_index = $3', key);
  else
    await client.query(
      `insert into idp_links (tenant_id, idp_id, subject_index, user_id, linked_at) values ($1, $2, $3, $4, $5)`,
      [...key, userId, occurredAt],
    );
}
