import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { asTenant } from './database.js';
import { contextOf, type EventDatabase, itemAdded, service, startEventDatabase } from './event-database.fixture.js';
import { PostgresEventStore } from './postgres-event-store.js';
import { eventTablesSql, roleNames, rolesSql, tenantTableSql } from './schema.js';

const roles = roleNames(service);
const readModel = `create table ${service}.carts (tenant_id text not null, id text primary key);
  ${tenantTableSql(service, 'carts')}`;

let db: EventDatabase;
let request: pg.Pool;
let system: pg.Pool;
beforeAll(async () => {
  db = await startEventDatabase({}, readModel);
  request = db.pool(db.requestUrl);
  system = db.pool(db.systemUrl);
  const store = new PostgresEventStore({ service, pool: request });
  for (const tenant of ['acme', 'other'])
    await store.append('cart:a', [itemAdded(tenant)], { expectedRevision: 0, context: contextOf(tenant) });
  await system.query(`insert into carts values ('acme', 'a'), ('other', 'b')`);
  // A second service on the same server.
  await db.admin(rolesSql('depot', { request: 'x', system: 'y' }) + eventTablesSql('depot'));
});
afterAll(() => db.close());

const insertFor = (tenant: string) =>
  `insert into events (id, tenant_id, stream_id, revision, type, envelope)
   values (gen_random_uuid(), '${tenant}', 'cart:x', 1, 'cart.opened', '{}')`;

describe('the request role', () => {
  it('sees and counts the events and rows of its tenant only', async () => {
    const seen = await asTenant(request, 'acme', async (client) => [
      (await client.query('select tenant_id from events')).rows,
      (await client.query('select count(*)::int as n from events')).rows,
      (await client.query('select * from carts')).rows,
      (await client.query(`select * from events where tenant_id = 'other'`)).rows,
    ]);
    expect(seen).toEqual([[{ tenant_id: 'acme' }], [{ n: 1 }], [{ tenant_id: 'acme', id: 'a' }], []]);
  });

  it('sees nothing and writes nothing when no tenant is set', async () => {
    expect((await request.query('select * from events')).rows).toEqual([]);
    expect((await request.query('select * from carts')).rows).toEqual([]);
    await expect(request.query(insertFor('acme'))).rejects.toMatchObject({ code: '42501' });
    await expect(request.query(insertFor(''))).rejects.toMatchObject({ code: '42501' });
  });

  it('cannot write an event for another tenant', async () => {
    const insert = asTenant(request, 'acme', (client) => client.query(insertFor('other')));
    await expect(insert).rejects.toThrow(/row-level security/);
    await asTenant(request, 'acme', (client) => client.query(insertFor('acme')));
  });

  it.each([
    'select * from outbox',
    'update outbox set seq = 1',
    `insert into carts values ('acme', 'c')`,
    'delete from carts',
    'create table events_copy as select * from events',
  ])('may not: %s', async (text) => {
    await expect(asTenant(request, 'acme', (client) => client.query(text))).rejects.toMatchObject({ code: '42501' });
  });
});

describe.each(['request', 'system'] as const)('the %s role', (role) => {
  const run = (text: string) => (role === 'system' ? system : request).query(text);
  const other = role === 'system' ? roles.request : roles.system;

  it.each([
    `update events set envelope = '{}'`,
    'delete from events',
    'truncate events',
    'alter table events disable row level security',
    'alter table events disable trigger all',
    'alter table events add column x text',
    'drop policy tenant_reads on events',
    'drop table events',
    'create index on events (type)',
    'create table intruder ()',
    'create trigger t before insert on events execute function suppress_redundant_updates_trigger()',
    `alter role ${roles.request} bypassrls`,
    `set role ${other}`,
    `set session authorization ${other}`,
    'set role postgres',
    'create role intruder',
    'select * from depot.events',
    "select pg_read_file('/etc/passwd')",
    `copy events to program 'true'`,
    `alter system set fsync = off`,
    "select setval('events_seq_seq', 1)",
    // A position of the writer's choice could stand where every reader has already been.
    `insert into events (tx, id, tenant_id, stream_id, revision, type, envelope)
     values ('3', gen_random_uuid(), 'acme', 'cart:y', 1, 'cart.opened', '{}')`,
    `insert into events (seq, id, tenant_id, stream_id, revision, type, envelope) overriding system value
     values (1, gen_random_uuid(), 'acme', 'cart:y', 1, 'cart.opened', '{}')`,
  ])('may not: %s', async (text) => {
    await expect(run(text)).rejects.toMatchObject({ code: '42501' });
  });

  it('has no attribute and owns no table that would lift row security', async () => {
    const { rows } = await db.admin(
      `select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication from pg_roles where rolname = $1`,
      [role === 'system' ? roles.system : roles.request],
    );
    expect(Object.values(rows[0] as object)).toEqual([false, false, false, false, false]);
    const owned = await db.admin(
      `select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1`,
      [role === 'system' ? roles.system : roles.request],
    );
    expect(owned.rows).toEqual([]);
  });
});

describe('row security switched off in the session', () => {
  it('makes the request role fail instead of seeing more', async () => {
    const peek = asTenant(request, 'acme', async (client) => {
      await client.query('set local row_security = off');
      return client.query('select * from events');
    });
    await expect(peek).rejects.toMatchObject({ code: '42501' });
  });

  it('is forced also for the owner of the table', async () => {
    const { rows } = await db.admin(
      `select relname, relrowsecurity, relforcerowsecurity from pg_class
       where oid in ('${service}.events'::regclass, '${service}.carts'::regclass) order by relname`,
    );
    expect(rows).toEqual([
      { relname: 'carts', relrowsecurity: true, relforcerowsecurity: true },
      { relname: 'events', relrowsecurity: true, relforcerowsecurity: true },
    ]);
  });
});

describe('rolesSql', () => {
  it('can be run again, and gives back what was taken away by hand', async () => {
    await db.admin(`alter role ${roles.request} bypassrls`);
    await db.admin(rolesSql(service, { request: 'new', system: 'new' }));
    const { rows } = await db.admin('select rolbypassrls from pg_roles where rolname = $1', [roles.request]);
    expect(rows).toEqual([{ rolbypassrls: false }]);
  });

  it('bounds what one session may hold up', async () => {
    const { rows } = await request.query(`select current_setting('statement_timeout') as statement,
      current_setting('idle_in_transaction_session_timeout') as idle, current_setting('search_path') as path`);
    expect(rows).toEqual([{ statement: '15s', idle: '10s', path: service }]);
  });

  it.each(['Shop', 'shop; drop', '', 'x'.repeat(40), 'a-b'])('refuses the service name %j', (name) => {
    expect(() => rolesSql(name, { request: '', system: '' })).toThrow(RangeError);
  });
});
