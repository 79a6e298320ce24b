import type { KeyCreated, KeyDisabled, KeyEnabled } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import { roleNames } from '@gatehouse/event-store';
import type { ProjectedEvent, Projection } from '@gatehouse/projection';

/** One key as every service knows it: enough to recognise the caller, nothing to impersonate him. */
export interface KnownKey {
  readonly keyId: string;
  readonly tenantId: string;
  readonly family: 'mas' | 'mau';
  readonly principalType: 'service' | 'user';
  readonly principalId: string;
  /** Base64 of HMAC-SHA256(pepper, key). */
  readonly fingerprint: string;
  readonly enabled: boolean;
  readonly expiresAt: Date | null;
  readonly networks: readonly string[] | null;
}

export const knownKeysChannel = (service: string): string => `gatehouse_keys_${service}`;

/** Only the system role reads it: keys of all tenants stand here, looked up before the tenant is known. */
export const knownKeysSql = (service: string): string => `
  create table ${service}.known_keys (
    key_id uuid primary key,
    tenant_id text not null,
    family text not null,
    principal_type text not null,
    principal_id text not null,
    fingerprint text not null unique,
    enabled boolean not null,
    expires_at timestamptz,
    networks text[]
  );
  grant select, insert, update, delete on ${service}.known_keys to ${roleNames(service).system};`;

type Client = Pick<Query, 'query'>;

/** Keeps `known_keys`, and tells every replica which key changed. */
export const knownKeysProjection = (service: string): Projection => ({
  name: 'known_keys',
  version: 1,
  tables: ['known_keys'],
  types: ['key.created', 'key.disabled', 'key.enabled'],
  apply: async (client, events) => {
    for (const event of events) {
      const keyId = await applyKeyEvent(client as Client, event);
      if (keyId) await client.query('select pg_notify($1, $2)', [knownKeysChannel(service), keyId]);
    }
  },
});

async function applyKeyEvent(client: Client, { envelope }: ProjectedEvent): Promise<string | undefined> {
  switch (envelope.type) {
    case 'key.created':
      return insertKey(client, envelope.tenantId, envelope.data as KeyCreated);
    case 'key.disabled':
      return setEnabled(client, (envelope.data as KeyDisabled).keyId, false);
    case 'key.enabled':
      return setEnabled(client, (envelope.data as KeyEnabled).keyId, true);
    default:
      return undefined;
  }
}

async function insertKey(client: Client, tenantId: string, key: KeyCreated): Promise<string> {
  await client.query(
    `insert into known_keys (key_id, tenant_id, family, principal_type, principal_id, fingerprint, enabled, expires_at,
       networks) values ($1, $2, $3, $4, $5, $6, true, $7, $8)`,
    [
      key.keyId,
      tenantId,
      key.family,
      key.principal.type,
      key.principal.id,
      key.fingerprint,
      key.expiresAt ?? null,
      key.networks?.length ? key.networks : null,
    ],
  );
  return key.keyId;
}

async function setEnabled(client: Client, keyId: string, enabled: boolean): Promise<string> {
  await client.query('update known_keys set enabled = $2 where key_id = $1', [keyId, enabled]);
  return keyId;
}

const columns = `key_id as "keyId", tenant_id as "tenantId", family, principal_type as "principalType",
  principal_id as "principalId", fingerprint, enabled, expires_at as "expiresAt", networks`;

/** All keys, or one of them. */
export async function selectKnownKeys(query: Query, keyId?: string): Promise<readonly KnownKey[]> {
  const { rows } = await query.query<KnownKey>(
    `select ${columns} from known_keys ${keyId ? 'where key_id = $1' : ''}`,
    keyId ? [keyId] : [],
  );
  return rows;
}
