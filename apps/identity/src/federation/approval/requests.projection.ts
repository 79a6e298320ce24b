import type { Envelope, FederationRequested } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Who waits, and who was told yes or no. One entry for each of an issuer's people: a rejection is remembered by it. */
export const requestsProjection: Projection = {
  name: 'federation_requests',
  version: 1,
  tables: ['federation_requests'],
  types: ['federation.requested', 'federation.approved', 'federation.rejected', 'idp.removed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await apply(client as Client, envelope);
  },
};

async function apply(client: Client, { type, tenantId, data, sealed, occurredAt }: Envelope): Promise<void> {
  const { idpId, userId, subjectIndex } = data as FederationRequested;
  if (type === 'idp.removed')
    await client.query('delete from federation_requests where tenant_id = $1 and idp_id = $2', [tenantId, idpId]);
  else if (type === 'federation.requested')
    await client.query(
      `insert into federation_requests (tenant_id, user_id, idp_id, subject_index, status, email, requested_at)
       values ($1, $2, $3, $4, 'pending', $5, $6)`,
      [tenantId, userId, idpId, subjectIndex, JSON.stringify(sealed?.email ?? null), occurredAt],
    );
  else
    await client.query(
      'update federation_requests set status = $3, email = null where tenant_id = $1 and user_id = $2',
      [tenantId, userId, type === 'federation.approved' ? 'approved' : 'rejected'],
    );
}
