import type { Envelope, OauthClientRegistered } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';
import { type Client, type ClientFacts, clientDecider } from './client.js';

type Reader = Pick<Query, 'query'>;

/** Written in the transaction of the events: a client works, and ends, with the answer of the call that said so. */
export const clientRowsProjection: Projection = {
  name: 'oauth_clients',
  version: 1,
  tables: ['oauth_clients'],
  types: ['oauth_client.registered', 'oauth_client.updated', 'oauth_client.secret_rotated', 'oauth_client.removed'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) await applyClientEvent(query as Reader, envelope);
  },
};

async function applyClientEvent(query: Reader, envelope: Envelope): Promise<void> {
  const { clientId, name } = envelope.data as unknown as OauthClientRegistered;
  if (envelope.type === 'oauth_client.registered') {
    await query.query(
      `insert into oauth_clients (tenant_id, client_id, name, removed, client, revision) values ($1, $2, $3, false, $4, $5)`,
      [
        envelope.tenantId,
        clientId,
        name,
        JSON.stringify(clientDecider.evolve({ status: 'none' }, envelope)),
        envelope.revision,
      ],
    );
    return;
  }
  const { rows } = await query.query<{ client: Client }>('select client from oauth_clients where client_id = $1', [
    clientId,
  ]);
  const next = rows[0] && clientDecider.evolve(rows[0].client, envelope);
  if (!next) return;
  await query.query('update oauth_clients set client = $2, removed = $3, revision = $4 where client_id = $1', [
    clientId,
    JSON.stringify(next),
    next.status === 'removed',
    envelope.revision,
  ]);
}

export interface ClientRow {
  readonly client: ClientFacts;
  readonly revision: number;
}
