import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { eventStoreContract } from '../event-store.contract.js';
import { StoreUnavailable } from '../store.js';
import { inTransaction } from './database.js';
import {
  connected,
  contextOf,
  type EventDatabase,
  itemAdded,
  service,
  startEventDatabase,
} from './event-database.fixture.js';
import { type InlineProjection, PostgresEventStore } from './postgres-event-store.js';
import { notifyChannel, tenantTableSql } from './schema.js';

const inlineTable = `create table ${service}.items (tenant_id text not null, name text primary key);
  ${tenantTableSql(service, 'items', 'select, insert')}`;

let db: EventDatabase;
let pool: pg.Pool;
let store: PostgresEventStore;
beforeAll(async () => {
  db = await startEventDatabase({}, inlineTable);
  pool = db.pool(db.requestUrl, 8);
  store = new PostgresEventStore({ service, pool });
});
afterAll(() => db.close());

eventStoreContract('PostgresEventStore', () => store);

const insertItem: InlineProjection = {
  types: new Set(['cart.item.added']),
  apply: async (query, event) => {
    await query.query('insert into items (tenant_id, name) values ($1, $2)', [event.tenantId, event.data.name]);
  },
};
const rowsOf = async (table: string, where = 'true') =>
  (await db.admin(`select * from ${service}.${table} where ${where}`)).rows;

describe('inline projections', () => {
  const inline = () => new PostgresEventStore({ service, pool, inline: [insertItem] });
  const append = (to: PostgresEventStore, stream: string, name: string) =>
    to.append(stream, [itemAdded(name)], { expectedRevision: 0, context: contextOf() });

  it('write in the transaction of the event, for their types only', async () => {
    await append(inline(), 'inline:a', 'tea');
    await inline().append('inline:a', [{ type: 'cart.closed', version: 1, data: {} }], {
      expectedRevision: 1,
      context: contextOf(),
    });
    expect(await rowsOf('items')).toEqual([{ tenant_id: 'acme', name: 'tea' }]);
  });

  it('take the event back when they fail, and the event takes them back', async () => {
    await expect(append(inline(), 'inline:b', 'tea')).rejects.toMatchObject({ code: '23505' });
    expect(await store.read('acme', 'inline:b')).toEqual({ events: [], revision: 0 });
    const failing: InlineProjection = {
      types: insertItem.types,
      apply: async () => {
        throw new Error('refused after the row was written');
      },
    };
    const both = new PostgresEventStore({ service, pool, inline: [insertItem, failing] });
    await expect(append(both, 'inline:b', 'coffee')).rejects.toThrow('refused after');
    expect(await rowsOf('items', `name = 'coffee'`)).toEqual([]);
    expect((await store.read('acme', 'inline:b')).revision).toBe(0);
  });

  it('cannot swallow a failure: nothing is answered as stored that was rolled back', async () => {
    const swallowing: InlineProjection = {
      types: insertItem.types,
      apply: (query, event) => insertItem.apply(query, event).catch(() => undefined),
    };
    // The last statement before the commit fails in an aborted transaction; this one hides even that.
    const quiet = inTransaction(pool, async (client) => {
      await client.query(`select set_config('gatehouse.tenant', 'acme', true)`);
      await client.query(`insert into items values ('acme', 'cake')`);
      await client.query('select 1/0').catch(() => undefined);
    });
    await expect(quiet).rejects.toMatchObject({ name: 'CommitRefused' });
    expect(await rowsOf('items', `name = 'cake'`)).toEqual([]);
    const swallowed = new PostgresEventStore({ service, pool, inline: [swallowing] });
    await expect(append(swallowed, 'inline:c', 'tea')).rejects.toThrow();
    expect((await store.read('acme', 'inline:c')).revision).toBe(0);
  });
});

describe('a commit', () => {
  it('wakes the listeners of the service, once and only when committed', async () => {
    const listener = await connected(db.requestUrl);
    const heard: string[] = [];
    listener.on('notification', ({ channel, payload }) => heard.push(`${channel}:${payload}`));
    await listener.query(`listen ${notifyChannel(service)}`);
    const append = (expectedRevision: number) =>
      store.append('wake:a', [itemAdded()], { expectedRevision, context: contextOf() });
    await append(0);
    await expect(append(7)).rejects.toThrow();
    await listener.query('select 1');
    expect(heard).toEqual([`${notifyChannel(service)}:`]);
    await listener.end();
  });
});

/** Ends the backend of the connection that runs `work`, as a crash of PostgreSQL would. */
const killBackend = async (client: pg.PoolClient) => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  await db.admin('select pg_terminate_backend($1)', [rows[0]?.pid]);
};

describe('a lost connection', () => {
  it('before the commit stores nothing, and the caller is told that the outcome is unknown', async () => {
    const dying: InlineProjection = {
      types: insertItem.types,
      apply: async (query) => killBackend(query as pg.PoolClient),
    };
    const fragile = new PostgresEventStore({ service, pool, inline: [dying] });
    const lost = fragile.append('lost:a', [itemAdded()], { expectedRevision: 0, context: contextOf() });
    await expect(lost).rejects.toBeInstanceOf(StoreUnavailable);
    expect((await store.read('acme', 'lost:a')).revision).toBe(0);
  });

  it('after the commit has stored it, and the repeated command finds it', async () => {
    // A pool whose connections lose the answer of COMMIT: it arrives, and the connection is gone.
    const deaf = db.pool(db.requestUrl, 2);
    deaf.on('connect', (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      Object.assign(client, {
        query: async (...args: unknown[]) => {
          const answer = await query(...args);
          if (args[0] === 'commit') throw new Error('Connection terminated unexpectedly');
          return answer;
        },
      });
    });
    const options = { expectedRevision: 0, commandId: 'lost-answer', context: contextOf() };
    const unsure = new PostgresEventStore({ service, pool: deaf }).append('lost:b', [itemAdded()], options);
    await expect(unsure).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await store.append('lost:b', [itemAdded()], options)).toMatchObject({ duplicate: true, revision: 1 });
  });

  it('while nothing runs on it does not end the process, and the connection is not used again', async () => {
    const outcome = inTransaction(pool, async (client) => {
      // The client learns of the loss while the transaction awaits something else.
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
      await killBackend(client);
      await ended;
    });
    await expect(outcome).rejects.toThrow(/not queryable|terminated/);
    expect((await store.read('acme', 'lost:b')).revision).toBe(1);
  });
});

describe('a tenant', () => {
  it('does not stay on a connection that goes back to the pool', async () => {
    const one = db.pool(db.requestUrl, 1);
    await new PostgresEventStore({ service, pool: one }).read('acme', 'lost:b');
    expect((await one.query('select * from events')).rows).toEqual([]);
    await expect(
      new PostgresEventStore({ service, pool: one, inline: [insertItem] }).append('lost:c', [itemAdded('tea')], {
        expectedRevision: 0,
        context: contextOf(),
      }),
    ).rejects.toThrow();
    expect((await one.query('select * from events')).rows).toEqual([]);
  });
});
