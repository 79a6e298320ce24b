import type { KeyCreated, KeyDisabled, KeyEnabled, KeyRotated } from '@gatehouse/contracts';
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
  /** The text before the last rotation, and until when it works. */
  readonly previousFingerprint: string | null;
  readonly previousUntil: Date | null;
  readonly enabled: boolean;
  readonly expiresAt: Date | null;
  readonly networks: readonly string[] | null;
  /** Action patterns; null: no limit. */
  readonly scopes: readonly string[] | null;
}

/** The table of the first version; `knownCallersSql` adds to it. Only the system role reads it. */
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

/** Keeps `known_keys`. Replicas hear of every change by the table's trigger. */
export const knownKeysProjection = (_service: string): Projection => ({
  name: 'known_keys',
  version: 2,
  tables: ['known_keys'],
  types: ['key.created', 'key.disabled', 'key.enabled', 'key.rotated'],
  apply: async (client, events) => {
    for (const event of events) await applyKeyEvent(client as Client, event);
  },
});

async function applyKeyEvent(client: Client, { envelope }: ProjectedEvent): Promise<unknown> {
  const { type, tenantId, data } = envelope;
  switch (type) {
    case 'key.created':
      return insertKey(client, tenantId, data as unknown as KeyCreated);
    case 'key.disabled':
      return setEnabled(client, (data as unknown as KeyDisabled).keyId, false);
    case 'key.enabled':
      return setEnabled(client, (data as unknown as KeyEnabled).keyId, true);
    case 'key.rotated':
      return rotate(client, data as unknown as KeyRotated);
    default:
      return undefined;
  }
}

/** A key that is there already stays as it is: what happened to it since must not be undone by its first event. */
const insertKey = (client: Client, tenantId: string, key: KeyCreated) =>
  client.query(
    `insert into known_keys (key_id, tenant_id, family, principal_type, principal_id, fingerprint, enabled, expires_at,
       networks, scopes) values ($1, $2, $3, $4, $5, $6, true, $7, $8, $9) on conflict (key_id) do nothing`,
    [
      key.keyId,
      tenantId,
      key.family,
      key.principal.type,
      key.principal.id,
      key.fingerprint,
      key.expiresAt ?? null,
      key.networks?.length ? key.networks : null,
      key.scopes ?? null,
    ],
  );

const setEnabled = (client: Client, keyId: string, enabled: boolean) =>
  client.query('update known_keys set enabled = $2 where key_id = $1', [keyId, enabled]);

const rotate = (client: Client, { keyId, fingerprint, previousFingerprint, previousValidUntil }: KeyRotated) =>
  client.query(
    'update known_keys set fingerprint = $2, previous_fingerprint = $3, previous_until = $4 where key_id = $1',
    [keyId, fingerprint, previousFingerprint, previousValidUntil],
  );

const columns = `key_id as "keyId", tenant_id as "tenantId", family, principal_type as "principalType",
  principal_id as "principalId", fingerprint, previous_fingerprint as "previousFingerprint",
  previous_until as "previousUntil", enabled, expires_at as "expiresAt", networks, scopes`;

/** All keys, or those of these ids. */
export async function selectKnownKeys(query: Query, ids?: readonly string[]): Promise<readonly KnownKey[]> {
  const { rows } = await query.query<KnownKey>(
    `select ${columns} from known_keys ${ids ? 'where key_id = any($1::uuid[])' : ''}`,
    ids ? [ids] : [],
  );
  return rows;
}
