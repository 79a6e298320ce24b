import type { KeyObject } from 'node:crypto';
import { CryptoError, type RootKey, unwrapKey, type VersionedKey, wrapKey } from '@gatehouse/crypto';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { byVault, type KeyLog, tenantKeyStream } from './key-log.js';
import { newKey, type RootKeys, sealed } from './root-keys.js';
import { tenantKeyLockSql } from './sealed-table-sql.js';

defineProblems({
  tenant_sealed: { status: 503, title: 'The tenant has sealed itself' },
  key_damaged: { status: 500, title: 'A stored key was changed, or belongs elsewhere' },
});

export type KeyPurpose = 'data' | 'fingerprint';

export interface TenantKeys {
  /** In rising order of versions: values are sealed under the last. */
  readonly data: readonly VersionedKey[];
  readonly fingerprint: KeyObject;
}

export interface TenantKeyRow {
  readonly tenant_id: string;
  readonly purpose: KeyPurpose;
  readonly version: number;
  readonly wrapped: Buffer;
  /** Of a tenant that sealed itself. */
  readonly sealed_key: Buffer | null;
  readonly retiring: boolean;
}

type KeyName = Pick<TenantKeyRow, 'tenant_id' | 'purpose' | 'version'>;

export const tenantContext = ({ tenant_id, purpose, version }: KeyName): string =>
  JSON.stringify(['vault.tenant-key', tenant_id, purpose, version]);

/** What `wrapped` is bound to while the tenant is sealed: so that it is never taken for the key itself. */
export const halfContext = ({ tenant_id, purpose, version }: KeyName): string =>
  JSON.stringify(['vault.tenant-key-half', tenant_id, purpose, version]);

/** Whoever changes the keys of a tenant holds this to the end of the transaction; writers of its values share it. */
export const lockTenantKeys = (client: pg.PoolClient, tenantId: string): Promise<unknown> =>
  client.query(`select pg_advisory_xact_lock(${tenantKeyLockSql('$1::text')})`, [tenantId]);

export async function keyRowsOf(query: Pick<pg.Pool, 'query'> | pg.PoolClient, tenantId: string) {
  const { rows } = await query.query<TenantKeyRow>(
    `select tenant_id, purpose, version, wrapped, sealed_key, retiring from tenant_keys
     where tenant_id = $1 order by version`,
    [tenantId],
  );
  return rows;
}

export interface TenantKeyTableOptions {
  readonly pool: pg.Pool;
  readonly log: KeyLog;
  readonly roots: RootKeys;
}

/** The keys of tenants as PostgreSQL has them, each wrapped under a root key. */
export class TenantKeyTable {
  constructor(private readonly options: TenantKeyTableOptions) {}

  /** The keys of a tenant, made when it has none. @throws ProblemError `sealed`, `tenant_sealed`, `key_damaged` */
  async load(tenantId: string): Promise<TenantKeys> {
    const rows = await keyRowsOf(this.options.pool, tenantId);
    if (rows.length === 0) return this.#create(tenantId);
    if (rows.some(({ sealed_key }) => sealed_key !== null)) throw tenantSealed();
    const opened: (TenantKeyRow & { key: KeyObject })[] = [];
    for (const row of rows) opened.push({ ...row, key: await this.open(row) });
    const data = opened.filter(({ purpose }) => purpose === 'data');
    const fingerprint = opened.find(({ purpose }) => purpose === 'fingerprint');
    if (data.length === 0 || !fingerprint) throw damaged(rows[0] as TenantKeyRow, new Error('a row is missing'));
    return { data: data.map(({ version, key }) => ({ version, key })), fingerprint: fingerprint.key };
  }

  /** What `wrapped` of a row holds: the key, or the half of it (`halfContext`) of a tenant that is sealed. */
  async open(row: TenantKeyRow, context = tenantContext(row)): Promise<KeyObject> {
    const root = await this.rootOf(row);
    try {
      return unwrapKey(root, row.wrapped, context);
    } catch (error) {
      throw damaged(row, error);
    }
  }

  /** @throws ProblemError `sealed`, `key_damaged` */
  async rootOf(row: TenantKeyRow): Promise<RootKey> {
    const { roots } = this.options;
    const known = roots.of(row.wrapped);
    if (known) return known;
    if (roots.sealed) throw sealed();
    // Another replica may have rotated it a moment ago.
    await roots.refresh();
    const now = roots.of(row.wrapped);
    if (!now) throw damaged(row, new CryptoError('wrong_key', 'wrapped under a root key that is not there'));
    return now;
  }

  /** The first version of both keys. Somebody else may be first: then what that one made counts. */
  async #create(tenantId: string): Promise<TenantKeys> {
    const { log, roots } = this.options;
    await log.change(async ({ client, record }) => {
      await lockTenantKeys(client, tenantId);
      if ((await keyRowsOf(client, tenantId)).length > 0) return;
      await refuseSecondFirst(client, tenantId);
      const root = roots.active;
      for (const purpose of ['data', 'fingerprint'] as const) {
        const name = { tenant_id: tenantId, purpose, version: 1 };
        await client.query('insert into tenant_keys (tenant_id, purpose, version, wrapped) values ($1, $2, 1, $3)', [
          tenantId,
          purpose,
          wrapKey(root, newKey(), tenantContext(name)),
        ]);
      }
      await record(tenantKeyStream, byVault(tenantId), 'tenant_key.created', { version: 1 });
    });
    return this.load(tenantId);
  }
}

/** A tenant that had a key has values under it: they need the lost key, not a new one. */
async function refuseSecondFirst(client: pg.PoolClient, tenantId: string): Promise<void> {
  const { rowCount } = await client.query('select from events where tenant_id = $1 and stream_id = $2 limit 1', [
    tenantId,
    tenantKeyStream,
  ]);
  if (rowCount !== 0)
    throw damaged({ tenant_id: tenantId, purpose: 'data', version: 1 }, new Error('the tenant had keys, and has none'));
}

export const tenantSealed = (): ProblemError =>
  new ProblemError('tenant_sealed', 'The tenant sealed itself: DELETE /api/v1/vault/tenant-seal with its unseal key', {
    retryAfterSeconds: 30,
  });

/** The row is named for the log; the public text is the same for all. */
export function damaged({ tenant_id, purpose, version }: KeyName, error: unknown): ProblemError {
  const cause = new Error(`row ${tenant_id}/${purpose}/${version} of tenant_keys: ${(error as Error).message}`, {
    cause: error,
  });
  return new ProblemError('key_damaged', 'Nothing was opened: an operator restores the key from a backup', { cause });
}
