import type { ValuePlace } from '@gatehouse/crypto';
import { databaseSecretPlace } from '../database/database-secrets.js';
import { configPlace } from '../login/config-place.js';
import { wrappedPlace } from '../wrapping/wrapped-place.js';

/** A row of a sealed table: the columns that `place` asked for, as PostgreSQL gives them. */
// biome-ignore lint/suspicious/noExplicitAny: each table knows the columns that it names
export type SealedRow = Readonly<Record<string, any>>;

/**
 * A table with sealed values, of which a rotation of a tenant's key rewraps the data keys. It has the columns `tenant_id`,
 * `ciphertext bytea`, `wrapped_key bytea` and `key_version integer` (all three
 * null in a row that holds no value any more), and lies in the vault's schema.
 */
export interface SealedTable {
  readonly table: string;
  /** Columns of the primary key, the tenant's among them: by them a row is found again, and batches go on. */
  readonly primaryKey: readonly [string, ...string[]];
  /** Further columns that the place is made of. */
  readonly columns?: readonly string[];
  /** Where the row's value was sealed for. */
  readonly place: (row: SealedRow) => ValuePlace;
}

/**
 * Every table that holds values of `Keyring.seal`: one row each, and `sealedTableSql` in its migration. A table that is
 * missing here would keep its values under a tenant key that a rotation then deletes: a rotation that finds one refuses.
 */
export const sealedTables: readonly SealedTable[] = [
  {
    table: 'login_configs',
    primaryKey: ['tenant_id', 'method'],
    columns: ['config_id'],
    place: (row) => configPlace(row.tenant_id, row.config_id),
  },
  {
    table: 'wrapped_answers',
    primaryKey: ['tenant_id', 'wrapped_id'],
    place: (row) => wrappedPlace(row.tenant_id, row.wrapped_id),
  },
  {
    table: 'secret_versions',
    primaryKey: ['tenant_id', 'stream_id', 'version'],
    columns: ['secret_id'],
    place: (row) => ({ tenantId: row.tenant_id, purpose: 'secret', name: row.secret_id, version: row.version }),
  },
  {
    table: 'database_secrets',
    primaryKey: ['tenant_id', 'owner_id', 'version'],
    place: (row) => databaseSecretPlace({ tenantId: row.tenant_id, ownerId: row.owner_id, version: row.version }),
  },
  {
    table: 'transit_key_versions',
    primaryKey: ['tenant_id', 'key_id', 'version'],
    place: (row) => ({ tenantId: row.tenant_id, purpose: 'transit-key', name: row.key_id, version: row.version }),
  },
];
