import type { ValuePlace } from '@gatehouse/crypto';
import { asTenant, type Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Keyring } from '../key/keyring.js';

/** What is kept sealed of a database or of a static role. */
export interface DatabaseSecret {
  readonly password: string;
  /** PEM of the client certificate's key. */
  readonly tlsKey?: string | undefined;
}

export interface SecretPlace {
  readonly tenantId: string;
  /** Of the database or the static role: never used again after a removal. */
  readonly ownerId: string;
  readonly version: number;
}

export const databaseSecretPlace = ({ tenantId, ownerId, version }: SecretPlace): ValuePlace => ({
  tenantId,
  purpose: 'database-config',
  name: ownerId,
  version,
});

/** Seals a secret, to be stored by {@link storeSecret} in the transaction of the event that names its version. */
export const sealSecret = (keyring: Keyring, place: SecretPlace, secret: DatabaseSecret) =>
  keyring.seal(databaseSecretPlace(place), Buffer.from(JSON.stringify(secret), 'utf8'));

export async function storeSecret(
  query: Query,
  { tenantId, ownerId, version }: SecretPlace,
  { ciphertext, wrappedKey, keyVersion }: Awaited<ReturnType<typeof sealSecret>>,
): Promise<void> {
  await query.query(
    `insert into database_secrets (tenant_id, owner_id, version, ciphertext, wrapped_key, key_version)
     values ($1, $2, $3, $4, $5, $6)`,
    [tenantId, ownerId, version, ciphertext, wrappedKey, keyVersion],
  );
}

/** Forgets all but one version, or all. */
export async function forgetSecrets(query: Query, tenantId: string, ownerId: string, keep = 0): Promise<void> {
  await query.query('delete from database_secrets where tenant_id = $1 and owner_id = $2 and version <> $3', [
    tenantId,
    ownerId,
    keep,
  ]);
}

/** @throws ProblemError `sealed`; CryptoError where a row is not what was sealed */
export async function openSecret(keyring: Keyring, pool: pg.Pool, place: SecretPlace): Promise<DatabaseSecret> {
  type Row = { ciphertext: Buffer; wrapped_key: Buffer; key_version: number };
  const text = `select ciphertext, wrapped_key, key_version from database_secrets
    where tenant_id = $1 and owner_id = $2 and version = $3`;
  const values = [place.tenantId, place.ownerId, place.version];
  const [row] = await asTenant(pool, place.tenantId, async (client) => (await client.query<Row>(text, values)).rows);
  if (!row) throw new Error('the sealed password of a database is not there');
  const bytes = await keyring.open(databaseSecretPlace(place), {
    algorithm: 'A256GCM',
    ciphertext: row.ciphertext,
    wrappedKey: row.wrapped_key,
    keyVersion: row.key_version,
  });
  try {
    return JSON.parse(bytes.toString('utf8')) as DatabaseSecret;
  } finally {
    bytes.fill(0);
  }
}
