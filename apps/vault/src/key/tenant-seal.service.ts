import type { KeyObject } from 'node:crypto';
import {
  CryptoError,
  generateKey,
  keyOfBytes,
  keyOfTwo,
  rootKeyOf,
  unsealKeyBytes,
  unwrapKey,
  wrapKey,
} from '@gatehouse/crypto';
import type { CommandContext } from '@gatehouse/event-store';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { type KeyLog, tenantKeyStream } from './key-log.js';
import type { Keyring } from './keyring.js';
import { newKey, type RootKeys } from './root-keys.js';
import {
  damaged,
  halfContext,
  keyRowsOf,
  lockTenantKeys,
  type TenantKeyRow,
  type TenantKeyTable,
  tenantContext,
} from './tenant-key-table.js';

defineProblems({
  tenant_already_sealed: { status: 409, title: 'The tenant is sealed already' },
  tenant_not_sealed: { status: 409, title: 'The tenant is not sealed' },
  unseal_key_wrong: { status: 403, title: 'This key does not unseal the tenant' },
});

export interface TenantSealStatus {
  readonly sealed: boolean;
  /** RFC 3339. */
  readonly sealedAt?: string;
  readonly wrongAttempts?: number;
}

export interface TenantSealOptions {
  readonly pool: pg.Pool;
  readonly log: KeyLog;
  readonly roots: RootKeys;
  readonly table: TenantKeyTable;
  readonly keyring: Keyring;
}

interface SealRow {
  readonly sealed_at: Date;
  readonly wrong_attempts: number;
  readonly wait_seconds: number;
}

const freeAttempts = 5;
const longestWaitSeconds = 300;

/**
 * A tenant seals itself: its keys are wrapped under a key that it alone has, beside the root key, so that neither the
 * operator nor the tenant opens them without the other. A row then holds two halves: `wrapped` is a random key under the
 * root key, as before, and `sealed_key` the tenant's key under what that and the tenant's make together. So a rotation of the root key goes on
 * without the tenant.
 */
export class TenantSeals {
  readonly #options: TenantSealOptions;

  constructor(options: TenantSealOptions) {
    this.#options = options;
  }

  /** A key to seal with. It seals when it is brought back: a key that was lost on the way would have taken all with it. */
  newUnsealKey(): string {
    return generateKey('gus_');
  }

  async status(tenantId: string): Promise<TenantSealStatus> {
    const row = await this.#row(this.#options.pool, tenantId);
    if (!row) return { sealed: false };
    return { sealed: true, sealedAt: row.sealed_at.toISOString(), wrongAttempts: row.wrong_attempts };
  }

  /** @throws ProblemError `tenant_already_sealed`, `sealed`, `key_damaged`, `validation_failed` */
  async seal(unsealKey: string, context: CommandContext): Promise<void> {
    const { tenantId } = context;
    const { log, keyring, table, roots } = this.#options;
    const brought = keyOfUnsealKey(unsealKey);
    // A tenant without keys gets them now, so that there is something to seal.
    await keyring.keysOf(tenantId).catch((error) => {
      throw isSealed(error) ? new ProblemError('tenant_already_sealed') : error;
    });
    await log.change(async ({ client, record, announce }) => {
      await lockTenantKeys(client, tenantId);
      if (await this.#row(client, tenantId)) throw new ProblemError('tenant_already_sealed');
      for (const row of await keyRowsOf(client, tenantId)) {
        const key = await table.open(row);
        const half = newKey();
        const both = rootKeyOf(keyOfTwo(brought, half, halfContext(row)));
        const sealedKey = wrapKey(both, key, tenantContext(row));
        await store(client, row, wrapKey(roots.active, half, halfContext(row)), sealedKey);
      }
      await client.query('insert into tenant_seals (tenant_id) values ($1)', [tenantId]);
      await record(tenantKeyStream, context, 'tenant.sealed', {});
      await announce();
    });
    keyring.forgetTenants();
  }

  /** @throws ProblemError `tenant_not_sealed`, `unseal_key_wrong`, `unseal_throttled`, `sealed`, `key_damaged` */
  async unseal(unsealKey: string, context: CommandContext): Promise<void> {
    const { tenantId } = context;
    const brought = keyOfUnsealKey(unsealKey);
    const opened = await this.#options.log.change(async ({ client, record, announce }) => {
      await lockTenantKeys(client, tenantId);
      const seal = await this.#row(client, tenantId);
      if (!seal) throw new ProblemError('tenant_not_sealed');
      if (seal.wait_seconds > 0)
        throw new ProblemError('unseal_throttled', undefined, { retryAfterSeconds: seal.wait_seconds });
      if (!(await this.#restore(client, tenantId, brought))) {
        const wrongAttempts = await countWrong(client, tenantId);
        await record(tenantKeyStream, context, 'tenant.unseal_refused', { wrongAttempts });
        return false;
      }
      await client.query('delete from tenant_seals where tenant_id = $1', [tenantId]);
      await record(tenantKeyStream, context, 'tenant.unsealed', {});
      await announce();
      return true;
    });
    if (!opened) throw new ProblemError('unseal_key_wrong');
    this.#options.keyring.forgetTenants();
  }

  /** False when the key is another one: found at the first row, before anything is written. */
  async #restore(client: pg.PoolClient, tenantId: string, brought: KeyObject): Promise<boolean> {
    const { table, roots } = this.#options;
    for (const row of await keyRowsOf(client, tenantId)) {
      if (row.sealed_key === null) continue;
      const half = await table.open(row, halfContext(row));
      const both = rootKeyOf(keyOfTwo(brought, half, halfContext(row)));
      try {
        const key = unwrapKey(both, row.sealed_key, tenantContext(row));
        await store(client, row, wrapKey(roots.active, key, tenantContext(row)), null);
      } catch (error) {
        if (error instanceof CryptoError && error.code === 'wrong_key') return false;
        throw error instanceof CryptoError ? damaged(row, error) : error;
      }
    }
    return true;
  }

  async #row(query: Pick<pg.Pool, 'query'> | pg.PoolClient, tenantId: string): Promise<SealRow | undefined> {
    const { rows } = await query.query<SealRow>(
      `select sealed_at, wrong_attempts,
         ceil(greatest(0, extract(epoch from next_attempt_at - now())))::integer as wait_seconds
       from tenant_seals where tenant_id = $1`,
      [tenantId],
    );
    return rows[0];
  }
}

function keyOfUnsealKey(text: string): KeyObject {
  const bytes = unsealKeyBytes(text);
  if (bytes) return keyOfBytes(bytes);
  throw new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'body.unsealKey', message: 'is no unseal key: gus_ and 43 characters' }],
  });
}

const isSealed = (error: unknown): boolean => error instanceof ProblemError && error.code === 'tenant_sealed';

const store = (client: pg.PoolClient, row: TenantKeyRow, wrapped: Buffer, sealedKey: Buffer | null) =>
  client.query(
    'update tenant_keys set wrapped = $4, sealed_key = $5 where tenant_id = $1 and purpose = $2 and version = $3',
    [row.tenant_id, row.purpose, row.version, wrapped, sealedKey],
  );

/** The wait after it doubles, up to five minutes. */
async function countWrong(client: pg.PoolClient, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ wrong_attempts: number }>(
    `update tenant_seals set wrong_attempts = wrong_attempts + 1, next_attempt_at = now() + make_interval(secs =>
       case when wrong_attempts + 1 < $2 then 0 else least($3, 2 ^ least(20, wrong_attempts + 1 - $2)) end)
     where tenant_id = $1 returning wrong_attempts`,
    [tenantId, freeAttempts, longestWaitSeconds],
  );
  return rows[0]?.wrong_attempts ?? 0;
}
