import type { Envelope, IdpConfigured, IdpRemoved } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** The providers there are now: by tenant, and by the domain of an address. Its indexes are the uniqueness checks. */
export const providersProjection: Projection = {
  name: 'idps',
  version: 1,
  tables: ['idps'],
  types: ['idp.configured', 'idp.removed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);
  },
};

async function apply(client: Client, { type, tenantId, data, occurredAt, revision }: Envelope): Promise<void> {
  if (type === 'idp.removed') {
    const { idpId } = data as IdpRemoved;
    await client.query('delete from idps where tenant_id = $1 and idp_id = $2', [tenantId, idpId]);
    return;
  }
  const config = data as IdpConfigured;
  await client.query(
    `insert into idps (tenant_id, idp_id, name, issuer, client_id, domains, config, created_at, revision)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id, idp_id) do update set name = excluded.name, client_id = excluded.client_id,
       domains = excluded.domains, config = excluded.config, revision = excluded.revision`,
    [
      tenantId,
      config.idpId,
      config.name,
      config.issuer,
      config.clientId,
      config.domains,
      JSON.stringify(config),
      occurredAt,
      revision,
    ],
  );
}
