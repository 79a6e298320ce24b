import type { Envelope, KeyCreated, KeyRotated } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/**
 * Every text that ever was a key, as its fingerprint: so that a leaked one is found however long ago it was rotated out,
 * and no text becomes the key of two. Written with the events: its primary key is what refuses an import.
 */
export const keyFingerprintsProjection: Projection = {
  name: 'key_fingerprints',
  version: 1,
  tables: ['key_fingerprints'],
  types: ['key.created', 'key.rotated'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events)
      await (envelope.type === 'key.created' ? create : rotate)(client as Client, envelope);
  },
};

async function create(client: Client, { tenantId, occurredAt, data }: Envelope): Promise<void> {
  const { keyId, fingerprint } = data as unknown as KeyCreated;
  await insert(client, tenantId, keyId, fingerprint, occurredAt);
}

/** The text before the last one, if its time is not up yet, ends now. */
async function rotate(client: Client, { tenantId, occurredAt, data }: Envelope): Promise<void> {
  const { keyId, fingerprint, previousFingerprint, previousValidUntil } = data as unknown as KeyRotated;
  await client.query(
    `update key_fingerprints set until = case fingerprint when $4 then $5::timestamptz else least(until, $3::timestamptz) end
     where tenant_id = $1 and key_id = $2`,
    [tenantId, keyId, occurredAt, previousFingerprint, previousValidUntil],
  );
  await insert(client, tenantId, keyId, fingerprint, occurredAt);
}

const insert = (client: Client, tenantId: string, keyId: string, fingerprint: string, since: string) =>
  client.query('insert into key_fingerprints (fingerprint, tenant_id, key_id, since) values ($1, $2, $3, $4)', [
    fingerprint,
    tenantId,
    keyId,
    since,
  ]);
