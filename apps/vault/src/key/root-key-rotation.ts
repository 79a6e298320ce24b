import { type RootKey, rootKeyOf, unwrapKey, wrapKey } from '@gatehouse/crypto';
import type { CommandContext } from '@gatehouse/event-store';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { byVault, type KeyLog, lockSeal, sealStream } from './key-log.js';
import { newKey, type RootKeys, rootContext, sealed } from './root-keys.js';
import type { Seal } from './seal.js';
import { rootKeyLockSql, wrappedUnderSql } from './sealed-table-sql.js';
import { halfContext, type TenantKeyRow, tenantContext } from './tenant-key-table.js';

defineProblems({
  rotation_running: { status: 409, title: 'The rotation before this one has not ended' },
});

export interface RootKeyRotationOptions {
  readonly pool: pg.Pool;
  readonly log: KeyLog;
  readonly roots: RootKeys;
  readonly seal: Seal;
}

const batchRows = 200;

/** What one pass did: rows that it could not rewrap keep the former key from being retired. */
export interface RotationPass {
  readonly rewrapped: number;
  readonly damaged: readonly string[];
}

/**
 * A new root key takes over at once for what is wrapped from then on; a job rewraps the keys of tenants in batches, and
 * deletes the former when nothing is under it. A crash anywhere leaves rows under either, which both are open.
 */
export class RootKeyRotation {
  constructor(private readonly options: RootKeyRotationOptions) {}

  /** @returns id of the new key @throws ProblemError `sealed`, `rotation_running` */
  async start(context: CommandContext): Promise<string> {
    const { log, roots, seal } = this.options;
    if (roots.sealed) throw sealed();
    const made = rootKeyOf(newKey());
    const wrapped = await seal.wrap(made.key, rootContext);
    await log.change(async ({ client, record, announce }) => {
      if ((await lockSeal(client)).sealed) throw sealed();
      const { rows } = await client.query<{ id: string; active: boolean; seal_kind: string; seal_facts: object }>(
        'select id, active, seal_kind, seal_facts from root_keys',
      );
      const from = rows.find(({ active }) => active);
      if (!from || rows.length > 1) throw new ProblemError('rotation_running');
      await client.query('update root_keys set active = false where id = $1', [from.id]);
      await client.query(
        'insert into root_keys (id, wrapped, seal_kind, seal_facts, active) values ($1, $2, $3, $4, true)',
        [made.id, wrapped, from.seal_kind, from.seal_facts],
      );
      await record(sealStream, context, 'root_key.rotation_started', { from: from.id, to: made.id });
      await announce();
    });
    await roots.refresh();
    return made.id;
  }

  /** Id of the key that is being replaced. */
  async replaced(): Promise<string | undefined> {
    return (await this.options.roots.rows()).find(({ active }) => !active)?.id;
  }

  /** Rewraps whatever is under `from`. */
  async rewrap(from: string, signal: AbortSignal): Promise<RotationPass> {
    // The word of the new key may not have reached this replica yet.
    if (this.options.roots.active.id === from) await this.options.roots.refresh();
    const damaged: string[] = [];
    let rewrapped = 0;
    for (let after = ['', '', 0] as readonly [string, string, number]; !signal.aborted; ) {
      const rows = await this.#batch(from, after);
      for (const row of rows) {
        if (await this.#rewrap(row)) rewrapped++;
        else damaged.push(`${row.tenant_id}/${row.purpose}/${row.version}`);
      }
      const last = rows.at(-1);
      if (!last) break;
      after = [last.tenant_id, last.purpose, last.version];
    }
    return { rewrapped, damaged };
  }

  /** Deletes a key under which nothing is any more. */
  async retire(from: string): Promise<void> {
    const { log, roots } = this.options;
    const to = roots.active.id;
    await log.change(async ({ client, record, announce }) => {
      await lockSeal(client);
      // Writers of tenant keys hold it shared: after this none is on its way under the former key, and none comes.
      await client.query(`select pg_advisory_xact_lock(${rootKeyLockSql})`);
      const { rowCount } = await client.query(
        `delete from root_keys where id = $1 and not active
         and not exists (select from tenant_keys where ${wrappedUnderSql('wrapped')} = $1)`,
        [from],
      );
      if (rowCount !== 1) return;
      await record(sealStream, byVault(log.operatorTenant), 'root_key.rotated', { from, to });
      await announce();
    });
  }

  async #batch(from: string, after: readonly [string, string, number]): Promise<readonly TenantKeyRow[]> {
    const { rows } = await this.options.pool.query<TenantKeyRow>(
      `select tenant_id, purpose, version, wrapped, sealed_key, retiring from tenant_keys
       where ${wrappedUnderSql('wrapped')} = $1 and (tenant_id, purpose, version) > ($2, $3, $4)
       order by tenant_id, purpose, version limit ${batchRows}`,
      [from, ...after],
    );
    return rows;
  }

  /** False for a row that does not open. Of a sealed tenant it is the half that is rewrapped: no key of the tenant is needed. */
  async #rewrap(row: TenantKeyRow): Promise<boolean> {
    const { pool, roots } = this.options;
    const context = row.sealed_key === null ? tenantContext(row) : halfContext(row);
    const from = roots.of(row.wrapped);
    if (!from) throw new Error('the root key that is replaced is not in memory');
    const wrapped = rewrapped(from, roots.active, row.wrapped, context);
    if (!wrapped) return false;
    // Only if nobody changed it meanwhile: a tenant that was sealed or unsealed has the new root key's wrapping already.
    await pool.query(
      'update tenant_keys set wrapped = $5 where tenant_id = $1 and purpose = $2 and version = $3 and wrapped = $4',
      [row.tenant_id, row.purpose, row.version, row.wrapped, wrapped],
    );
    return true;
  }
}

function rewrapped(from: RootKey, to: RootKey, wrapped: Buffer, context: string): Buffer | undefined {
  try {
    return wrapKey(to, unwrapKey(from, wrapped, context), context);
  } catch {
    return undefined;
  }
}
