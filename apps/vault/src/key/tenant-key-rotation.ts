import { CryptoError, rewrapValue, type SealedValue, type VersionedKey, wrapKey } from '@gatehouse/crypto';
import type { CommandContext } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { byVault, type KeyLog, tenantKeyStream } from './key-log.js';
import type { Keyring } from './keyring.js';
import type { RotationPass } from './root-key-rotation.js';
import { newKey, type RootKeys } from './root-keys.js';
import { sealedTriggers } from './sealed-table-sql.js';
import type { SealedRow, SealedTable } from './sealed-tables.js';
import { keyRowsOf, lockTenantKeys, tenantContext } from './tenant-key-table.js';

export interface TenantKeyRotationOptions {
  readonly pool: pg.Pool;
  readonly log: KeyLog;
  readonly roots: RootKeys;
  readonly keyring: Keyring;
  readonly tables: readonly SealedTable[];
}

const batchRows = 200;

export interface RetiringKey {
  readonly tenantId: string;
  readonly version: number;
}

/**
 * A new version of a tenant's key takes over at once for what is written from then on; a job rewraps the data keys of what
 * was written before, in batches, and deletes the former version when nothing is under it. Ciphertexts stay as they are.
 */
export class TenantKeyRotation {
  constructor(private readonly options: TenantKeyRotationOptions) {}

  /** @returns the new version @throws ProblemError `sealed`, `tenant_sealed`, `rotation_running`, `key_damaged` */
  async start(context: CommandContext): Promise<number> {
    const { tenantId } = context;
    const { log, roots, keyring } = this.options;
    // The tenant has a key, and it opens: a rotation does not paper over a damaged one.
    await keyring.keysOf(tenantId);
    const version = await log.change(async ({ client, record, announce }) => {
      await lockTenantKeys(client, tenantId);
      const rows = (await keyRowsOf(client, tenantId)).filter(({ purpose }) => purpose === 'data');
      if (rows.some(({ sealed_key }) => sealed_key !== null)) throw new ProblemError('tenant_sealed');
      if (rows.some(({ retiring }) => retiring)) throw new ProblemError('rotation_running');
      const previous = rows.at(-1)?.version ?? 0;
      const next = { tenant_id: tenantId, purpose: 'data' as const, version: previous + 1 };
      await client.query(`update tenant_keys set retiring = true where tenant_id = $1 and purpose = 'data'`, [
        tenantId,
      ]);
      await client.query(`insert into tenant_keys (tenant_id, purpose, version, wrapped) values ($1, 'data', $2, $3)`, [
        tenantId,
        next.version,
        wrapKey(roots.active, newKey(), tenantContext(next)),
      ]);
      await record(tenantKeyStream, context, 'tenant_key.rotated', { version: next.version, previous });
      await announce();
      return next.version;
    });
    keyring.forgetTenants();
    return version;
  }

  async retiring(): Promise<readonly RetiringKey[]> {
    const { rows } = await this.options.pool.query<RetiringKey>(
      `select tenant_id as "tenantId", version from tenant_keys where retiring order by tenant_id, version`,
    );
    return rows;
  }

  /** Rewraps whatever is under this version. */
  async rewrap({ tenantId, version }: RetiringKey, signal: AbortSignal): Promise<RotationPass> {
    const { keyring } = this.options;
    // The word of the new version may not have reached this replica yet.
    keyring.forgetTenant(tenantId);
    const from = await keyring.dataKey(tenantId, version);
    const to = (await keyring.keysOf(tenantId)).data.at(-1) as VersionedKey;
    let count = 0;
    const damaged: string[] = [];
    for (const table of this.options.tables) {
      const pass = await this.#rewrapTable(table, tenantId, { from, to }, signal);
      count += pass.rewrapped;
      damaged.push(...pass.damaged);
    }
    return { rewrapped: count, damaged };
  }

  /** Deletes a version under which nothing is any more. */
  async retire({ tenantId, version }: RetiringKey): Promise<void> {
    const { log, tables } = this.options;
    await log.change(async ({ client, record, announce }) => {
      // Writers of values hold it shared to their commit: after this none is on its way under the former version.
      await lockTenantKeys(client, tenantId);
      await refuseStrangeTables(client, tables);
      for (const { table } of tables) {
        const { rowCount } = await client.query(
          `select from ${table} where tenant_id = $1 and key_version = $2 limit 1`,
          [tenantId, version],
        );
        if (rowCount !== 0) return;
      }
      const { rowCount } = await client.query(
        `delete from tenant_keys where tenant_id = $1 and purpose = 'data' and version = $2 and retiring`,
        [tenantId, version],
      );
      if (rowCount !== 1) return;
      await record(tenantKeyStream, byVault(tenantId), 'tenant_key.retired', { version });
      await announce();
    });
  }

  async #rewrapTable(table: SealedTable, tenantId: string, keys: Keys, signal: AbortSignal): Promise<RotationPass> {
    const damaged: string[] = [];
    let rewrapped = 0;
    for (let after: readonly unknown[] | undefined; !signal.aborted; ) {
      const rows = await this.#batch(table, tenantId, keys.from.version, after);
      for (const row of rows) {
        if (await this.#rewrapRow(table, row, keys)) rewrapped++;
        else damaged.push(`${table.table}/${table.primaryKey.map((column) => String(row[column])).join('/')}`);
      }
      const last = rows.at(-1);
      if (!last) break;
      after = table.primaryKey.map((column) => last[column]);
    }
    return { rewrapped, damaged };
  }

  async #batch(table: SealedTable, tenantId: string, version: number, after: readonly unknown[] | undefined) {
    const keys = table.primaryKey;
    const columns = [...new Set([...keys, ...(table.columns ?? []), 'wrapped_key', 'key_version'])];
    const past = after ? `and (${keys.join(', ')}) > (${keys.map((_, i) => `$${i + 3}`).join(', ')})` : '';
    const { rows } = await this.options.pool.query<SealedRow>(
      `select ${columns.join(', ')} from ${table.table} where tenant_id = $1 and key_version = $2 ${past}
       order by ${keys.join(', ')} limit ${batchRows}`,
      [tenantId, version, ...(after ?? [])],
    );
    return rows;
  }

  /** False for a row whose data key does not open. */
  async #rewrapRow(table: SealedTable, row: SealedRow, { from, to }: Keys): Promise<boolean> {
    let rewrapped: SealedValue;
    try {
      rewrapped = rewrapValue(from, to, table.place(row), {
        algorithm: 'A256GCM',
        // Not read: it stays as it is.
        ciphertext: Buffer.alloc(0),
        wrappedKey: row.wrapped_key,
        keyVersion: row.key_version,
      });
    } catch (error) {
      if (error instanceof CryptoError) return false;
      throw error;
    }
    const where = table.primaryKey.map((column, i) => `${column} = $${i + 4}`).join(' and ');
    // Only if nobody wrote or destroyed it meanwhile.
    await this.options.pool.query(
      `update ${table.table} set wrapped_key = $1, key_version = $2 where wrapped_key = $3 and ${where}`,
      [rewrapped.wrappedKey, rewrapped.keyVersion, row.wrapped_key, ...table.primaryKey.map((column) => row[column])],
    );
    return true;
  }
}

interface Keys {
  readonly from: VersionedKey;
  readonly to: VersionedKey;
}

/** A table with sealed values that is not listed, or lacks its guard, would lose them with the key: then no key is deleted. */
async function refuseStrangeTables(client: pg.PoolClient, tables: readonly SealedTable[]): Promise<void> {
  const { rows } = await client.query<{ name: string; guarded: boolean }>(
    `select c.relname as name,
       (select count(*) = cardinality($1::text[]) from pg_trigger t
        where t.tgrelid = c.oid and t.tgname = any($1) and t.tgenabled = 'O') as guarded
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'wrapped_key' and not a.attisdropped
     where c.relnamespace = 'vault'::regnamespace and c.relkind in ('r', 'p')`,
    [sealedTriggers],
  );
  const known = new Set(tables.map(({ table }) => table));
  const strange = rows.find(({ name, guarded }) => !guarded || !known.has(name));
  if (strange)
    throw new Error(`table ${strange.name} holds sealed values, and is not one of sealedTables with its guard`);
}
