import { randomUUID } from 'node:crypto';
import { Connection } from '@gatehouse/config';
import { migrate } from '@gatehouse/service';
import { startTestPostgres, type TestPostgres, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { Foundation1700000001001 } from '../migrations/1-foundation.js';
import { Keys1700000002001 } from '../migrations/2-keys.js';
import { SecretStatistics1700000002106 } from '../migrations/2106-secret-statistics.js';
import { secretArea } from './secret.area.js';

const size = 400;
/** How many secrets there were when a session made its plans. */
const sizes = [0, 1, 3, 10, 30, 100] as const;

let postgres: TestPostgres;
let superuser: pg.Client;
const sessions = new Map<number, pg.Client>();

beforeAll(async () => {
  postgres = await startTestPostgres();
  const adminUrl = await postgres.createDatabase('plans');
  await migrate({
    service: 'vault',
    admin: new Connection(adminUrl, 'admin'),
    passwords: { request: 'request-password-1', system: 'system-password-1' },
    migrations: [Foundation1700000001001, Keys1700000002001, ...(secretArea.migrations ?? [])],
  });
  superuser = await connected(adminUrl);
  // As it is until autovacuum comes by, which may take a minute.
  for (const table of ['secrets', 'secret_versions'])
    await superuser.query(`alter table vault.${table} set (autovacuum_enabled = false)`);
  for (let stored = 0; stored < size; stored++) {
    if (sizes.some((planned) => planned === stored)) await plan(stored);
    await store(stored);
  }
});

afterAll(async () => {
  for (const client of [...sessions.values(), superuser]) await client?.end();
  await postgres?.stop();
});

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

const streamOf = (number: number) => `secret-${number}`;

async function store(number: number): Promise<void> {
  const secretId = randomUUID();
  await superuser.query(
    `insert into vault.secrets (tenant_id, stream_id, secret_id, path, scope, reference_name, current_version, state, updated_at)
     values ('acme', $1, $2, $1, 'production', $1, 1, $3, now())`,
    [streamOf(number), secretId, 'x'.repeat(600)],
  );
  await superuser.query(
    `insert into vault.secret_versions (tenant_id, stream_id, version, secret_id, created_at)
     values ('acme', $1, 1, $2, now())`,
    [streamOf(number), secretId],
  );
}

const load = (client: pg.Client, stream: string) =>
  client.query('select * from load_secrets($1, $2)', ['acme', [stream]]);
const read = (client: pg.Client, stream: string) =>
  client.query('select * from read_secrets($1, $2, $3)', ['acme', [stream], [0]]);
const empty = (columns: number) => Array.from({ length: columns }, () => '');
const end = (client: pg.Client, stream: string, ending: string) =>
  client.query('select store_secret_rows($1, $2, $3, $4, $5, $6, $7)', [
    'acme',
    [],
    ...[empty(6), empty(9), [stream, '1', ending], empty(7), empty(4)],
  ]);

async function plan(stored: number): Promise<void> {
  const client = await connected(postgres.urlOf('plans', 'gatehouse_vault'));
  sessions.set(stored, client);
  for (const ask of [load, read]) await ask(client, 'none');
  for (const ending of ['pruned', 'destroyed']) await end(client, 'none', ending);
}

/** Rows that an index led to. */
async function touched(client: pg.Client, work: () => Promise<unknown>): Promise<number> {
  await client.query('begin');
  const before = await fetched(client);
  await work();
  const after = await fetched(client);
  await client.query('rollback');
  return after - before;
}

async function fetched(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ rows: number }>(
    `select sum(idx_tup_fetch)::integer as rows from pg_stat_xact_user_tables
     where schemaname = 'vault' and relname in ('secrets', 'secret_versions')`,
  );
  return rows[0]?.rows ?? Number.NaN;
}

describe('what a session planned when a tenant had few secrets', () => {
  it.each(sizes)('(%i) still touches only the rows it looks for when there are many', async (planned) => {
    const client = sessions.get(planned) as pg.Client;
    const stream = streamOf(size / 2);

    expect(await touched(client, () => load(client, stream))).toBe(1);
    expect(await touched(client, () => read(client, stream))).toBe(2);
    expect(await touched(client, () => end(client, stream, 'pruned'))).toBe(1);
    expect(await touched(client, () => end(client, stream, 'destroyed'))).toBe(1);
  });
});

describe('counting tables that are in use', () => {
  beforeAll(async () => {
    await superuser.query(`
      create role plain_owner login nosuperuser nobypassrls;
      grant usage, create on schema vault to plain_owner;
      alter table vault.secrets owner to plain_owner;
      alter table vault.secret_versions owner to plain_owner`);
  });

  /** By an owner who is no superuser: row-level security hides everybody's rows from it. */
  async function countAgain(): Promise<void> {
    const owner = await connected(postgres.urlOf('plans', 'plain_owner'));
    try {
      expect((await owner.query('select from vault.secrets')).rowCount).toBe(0);
      await owner.query('begin');
      await new SecretStatistics1700000002106().up({
        query: (sql: string) => owner.query(sql),
      } as unknown as QueryRunner);
      await owner.query('commit');
    } finally {
      await owner.end();
    }
  }
  const stored = async () =>
    (
      await superuser.query(`select
        (select count(*) from vault.secrets)::integer as secrets,
        (select count(*) from vault.secret_versions)::integer as versions,
        (select bool_and(relforcerowsecurity) from pg_class where oid in ('vault.secrets'::regclass, 'vault.secret_versions'::regclass)) as walled`)
    ).rows[0];

  it('loses no row that its owner does not see', async () => {
    await countAgain();
    expect(await stored()).toEqual({ secrets: size, versions: size, walled: true });
  });

  it('loses nothing that somebody writes who came first', async () => {
    await superuser.query('truncate vault.secrets, vault.secret_versions');
    await superuser.query('begin');
    await superuser.query('lock table vault.secrets, vault.secret_versions in row exclusive mode');
    const counting = countAgain();
    await waitFor(async () => (await superuser.query('select from pg_locks where not granted')).rowCount === 1);
    await store(0);
    await superuser.query('commit');
    await counting;
    expect(await stored()).toEqual({ secrets: 1, versions: 1, walled: true });
  });

  it('leaves empty tables empty and walled', async () => {
    await superuser.query('truncate vault.secrets, vault.secret_versions');
    await countAgain();
    expect(await stored()).toEqual({ secrets: 0, versions: 0, walled: true });
  });
});
