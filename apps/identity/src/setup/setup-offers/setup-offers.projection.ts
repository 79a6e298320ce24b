import type { Envelope, SetupOffered, SetupRedeemed } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';
import type { SetupOffer } from '../setup.js';

type Client = Pick<Query, 'query'>;

/**
 * What a set-up token is looked up in. One row an offer, never an offer over another: events of two streams meet here,
 * and rows that do not touch come out the same in whatever order those are applied.
 */
export const setupOffersProjection: Projection = {
  name: 'setup_offers',
  version: 1,
  tables: ['setup_offers'],
  types: ['setup.offered', 'setup.redeemed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await applySetupEvent(client as Client, envelope);
  },
};

async function applySetupEvent(client: Client, { type, tenantId, revision, data }: Envelope): Promise<void> {
  if (type === 'setup.redeemed') {
    const { offerId } = data as unknown as SetupRedeemed;
    await client.query('update setup_offers set redeemed = true where tenant_id = $1 and offer_id = $2', [
      tenantId,
      offerId,
    ]);
    return;
  }
  const { ownerId, offerId, fingerprint, expiresAt } = data as unknown as SetupOffered;
  await client.query(
    `insert into setup_offers (tenant_id, offer_id, owner_id, fingerprint, expires_at, revision, redeemed)
     values ($1, $2, $3, $4, $5, $6, false)`,
    [tenantId, offerId, ownerId, fingerprint, expiresAt, revision],
  );
}

interface Row {
  readonly tenant_id: string;
  readonly owner_id: string;
  readonly offer_id: string;
  readonly expires_at: Date;
  readonly redeemed: boolean;
  readonly replaced: boolean;
}

/**
 * The offer of a set-up token, by the token's fingerprint: timing tells nothing to somebody who lacks the pepper.
 * For a connection of the system role, since only the offer tells the tenant.
 */
export async function findOffer(query: Query, fingerprint: string): Promise<SetupOffer | undefined> {
  const { rows } = await query.query<Row>(
    `select tenant_id, owner_id, offer_id, expires_at, redeemed, exists (
       select from setup_offers n where n.tenant_id = o.tenant_id and n.owner_id = o.owner_id and n.revision > o.revision
     ) as replaced from setup_offers o where fingerprint = $1`,
    [fingerprint],
  );
  const [row] = rows;
  return (
    row && {
      tenantId: row.tenant_id,
      ownerId: row.owner_id,
      offerId: row.offer_id,
      expiresAt: row.expires_at.toISOString(),
      status: row.redeemed ? 'redeemed' : row.replaced ? 'replaced' : 'open',
    }
  );
}
