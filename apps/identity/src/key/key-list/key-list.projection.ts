import type { Envelope, KeyCreated, KeyDisabled, KeyRotated } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Written in the transaction of the events: whoever made a key finds it, and a name is taken at once. */
export const keyListProjection: Projection = {
  name: 'keys',
  version: 2,
  tables: ['keys'],
  types: ['key.created', 'key.disabled', 'key.enabled', 'key.rotated'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await applyKeyEvent(client as Client, envelope);
  },
};

async function applyKeyEvent(client: Client, envelope: Envelope): Promise<void> {
  if (envelope.type === 'key.created') return insertKey(client, envelope, envelope.data as unknown as KeyCreated);
  if (envelope.type === 'key.rotated') return rotateKey(client, envelope, envelope.data as unknown as KeyRotated);
  const { keyId, reason } = envelope.data as unknown as KeyDisabled;
  await client.query('update keys set enabled = $3, reason = $4, revision = $5 where tenant_id = $1 and key_id = $2', [
    envelope.tenantId,
    keyId,
    envelope.type === 'key.enabled',
    reason ?? null,
    envelope.revision,
  ]);
}

const rotateKey = async (client: Client, { tenantId, occurredAt, revision }: Envelope, key: KeyRotated) => {
  await client.query(
    `update keys set display_prefix = $3, rotated_at = $4, previous_until = $5, revision = $6
     where tenant_id = $1 and key_id = $2`,
    [tenantId, key.keyId, key.displayPrefix, occurredAt, key.previousValidUntil, revision],
  );
};

async function insertKey(client: Client, { tenantId, occurredAt, revision }: Envelope, key: KeyCreated) {
  await client.query(
    `insert into keys (tenant_id, key_id, family, name, principal_type, principal_id, roles, display_prefix, enabled,
       created_at, expires_at, networks, scopes, imported, revision)
     values ($1, $2, $3, $4, $5, $6, $7, $8, true, $9, $10, $11, $12, $13, $14)`,
    [
      tenantId,
      key.keyId,
      key.family,
      key.name,
      key.principal.type,
      key.principal.id,
      key.roles,
      key.displayPrefix,
      occurredAt,
      key.expiresAt ?? null,
      key.networks ?? null,
      key.scopes ?? null,
      key.imported ?? false,
      revision,
    ],
  );
}
