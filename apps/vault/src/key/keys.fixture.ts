import { join } from 'node:path';
import { Connection } from '@gatehouse/config';
import type { ValuePlace } from '@gatehouse/crypto';
import { openPool, PostgresEventStore, Wake } from '@gatehouse/event-store';
import { migrate } from '@gatehouse/service';
import { startTestPostgres, type TempDir, type TestPostgres, tempDir } from '@gatehouse/testing';
import pg from 'pg';
import { Foundation1700000001001 } from '../migrations/1-foundation.js';
import { Keys1700000002001 } from '../migrations/2-keys.js';
import { fileSeal } from './file-seal.js';
import { keyChannel } from './key-log.js';
import { type Keys, openKeys } from './keys.js';
import type { Seal } from './seal.js';
import { sealedTableSql } from './sealed-table-sql.js';
import type { SealedTable } from './sealed-tables.js';

/** A table as areas have them: notes, sealed. */
export const notes: SealedTable = {
  table: 'notes',
  primaryKey: ['tenant_id', 'name'],
  place: (row) => placeOf(row.tenant_id, row.name),
};

const placeOf = (tenantId: string, name: string): ValuePlace => ({ tenantId, purpose: 'note', name, version: 1 });

export interface Replica extends Keys {
  readonly pool: pg.Pool;
  /** What it warned of. */
  readonly warnings: Error[];
  write(tenantId: string, name: string, text: string): Promise<void>;
  read(tenantId: string, name: string): Promise<string>;
  stop(): Promise<void>;
}

export interface KeyDatabase {
  readonly postgres: TestPostgres;
  readonly files: TempDir;
  /** Where `fileSeal` keeps its key unless a seal is given. */
  readonly sealFile: string;
  /** Sees and changes everything. */
  readonly superuser: pg.Pool;
  replica(options?: { seal?: Seal; previous?: Seal; started?: false }): Promise<Replica>;
  stop(): Promise<void>;
}

/** PostgreSQL with the vault's key tables and {@link notes}; replicas of the vault as far as keys go. */
export async function startKeyDatabase(): Promise<KeyDatabase> {
  const postgres = await startTestPostgres();
  const files = tempDir('keys');
  const sealFile = join(files.path, 'seal.key');
  const adminUrl = await postgres.createDatabase('keys');
  await migrate({
    service: 'vault',
    admin: new Connection(adminUrl, 'admin'),
    passwords: { request: 'request-password-1', system: 'system-password-1' },
    migrations: [Foundation1700000001001, Keys1700000002001],
  });
  const superuser = new pg.Pool({ connectionString: adminUrl, max: 2 });
  superuser.on('error', () => undefined);
  await superuser.query(`
    create table vault.notes (tenant_id text, name text, ciphertext bytea, wrapped_key bytea, key_version integer,
      primary key (tenant_id, name));
    grant select, insert, update, delete on vault.notes to gatehouse_vault_system;
    ${sealedTableSql('notes')}`);
  const replicas: Replica[] = [];
  return {
    postgres,
    files,
    sealFile,
    superuser,
    async replica({ seal = fileSeal(sealFile), previous, started = true } = {}) {
      const replica = startReplica(postgres.urlOf('keys', 'gatehouse_vault_system'), seal, previous);
      replicas.push(replica);
      if (started) await replica.follower.followNow().catch(() => undefined);
      return replica;
    },
    async stop() {
      for (const replica of replicas) await replica.stop();
      await superuser.end();
      await postgres.stop();
      files.remove();
    },
  };
}

function startReplica(url: string, seal: Seal, previous: Seal | undefined): Replica {
  const warnings: Error[] = [];
  const warn = () => (error: Error) => void warnings.push(error);
  const pool = openPool({ url, max: 8, applicationName: 'replica', onError: warn() });
  const wake = new Wake({ url, channels: [keyChannel], onError: () => undefined }).start();
  const keys = openKeys({
    ...{ pool, wake, seal, previous, warn },
    store: new PostgresEventStore({ service: 'vault', pool }),
    operatorTenant: 'main',
    defaults: { shares: 5, threshold: 3 },
    tables: [notes],
    graceMs: 0,
  });
  keys.follower.start();
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await keys.follower.stop();
    await wake.stop();
    await pool.end();
  };
  return {
    ...keys,
    pool,
    warnings,
    write: (tenantId, name, text) => writeNote(pool, keys, placeOf(tenantId, name), text),
    read: (tenantId, name) => readNote(pool, keys, placeOf(tenantId, name)),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function writeNote(pool: pg.Pool, { keyring }: Keys, place: ValuePlace, text: string): Promise<void> {
  const sealed = await keyring.seal(place, Buffer.from(text));
  await pool.query(
    `insert into notes values ($1, $2, $3, $4, $5) on conflict (tenant_id, name)
     do update set ciphertext = $3, wrapped_key = $4, key_version = $5`,
    [place.tenantId, place.name, sealed.ciphertext, sealed.wrappedKey, sealed.keyVersion],
  );
}

async function readNote(pool: pg.Pool, { keyring }: Keys, place: ValuePlace): Promise<string> {
  const { rows } = await pool.query(
    'select ciphertext, wrapped_key as "wrappedKey", key_version as "keyVersion" from notes where tenant_id = $1 and name = $2',
    [place.tenantId, place.name],
  );
  return (await keyring.open(place, { algorithm: 'A256GCM', ...rows[0] })).toString();
}
