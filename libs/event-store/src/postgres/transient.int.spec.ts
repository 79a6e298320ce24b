import { createServer, type Server, type Socket } from 'node:net';
import { freePort, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { StoreUnavailable } from '../store.js';
import { inTransaction, openPool } from './database.js';
import { connected, type EventDatabase, service, startEventDatabase } from './event-database.fixture.js';
import { isTransient, sqlState, violates } from './transient.js';

let db: EventDatabase;
beforeAll(async () => {
  db = await startEventDatabase();
});
afterAll(() => db.close());

const failureOf = async (work: Promise<unknown>): Promise<Error> => {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
};

/** A server that accepts connections and never says a word, unless told what to answer. */
async function silentServer(greet?: (socket: Socket) => void): Promise<{ url: string; close(): void }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => greet?.(socket));
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `postgres://u@127.0.0.1:${port}/d`, close };
}

const poolOf = (url: string, settings: object = {}) => {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 100, ...settings });
  pool.on('error', () => undefined);
  return pool;
};

/** Every way in which node-pg really says that there is no usable connection: what it throws, word for word. */
const lostConnections: readonly [string, () => Promise<Error>][] = [
  [
    'ECONNREFUSED',
    async () =>
      failureOf(new pg.Client({ connectionString: `postgres://u@127.0.0.1:${await freePort()}/d` }).connect()),
  ],
  [
    'ECONNREFUSED',
    async () =>
      failureOf(new pg.Client({ connectionString: `postgres://u@localhost:${await freePort()}/d` }).connect()),
  ],
  ['ENOTFOUND|EAI_AGAIN', () => failureOf(new pg.Client({ host: 'nowhere.invalid' }).connect())],
  [
    'Connection terminated unexpectedly',
    async () => {
      const client = await connected(db.systemUrl);
      const lost = failureOf(client.query('select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)'));
      const error = await lost;
      // The FATAL message may come first; what follows on the connection then is what we are after.
      if (sqlState(error) === '57P01') await new Promise<void>((resolve) => client.once('end', () => resolve()));
      return sqlState(error) ? new Error('Connection terminated unexpectedly') : error;
    },
  ],
  [
    'Client has encountered a connection error and is not queryable',
    async () => {
      const client = await connected(db.systemUrl);
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
      await db.admin(`select pg_terminate_backend(pid) from pg_stat_activity where usename like '%system'`);
      await ended;
      return failureOf(client.query('select 1'));
    },
  ],
  [
    'Client was closed and is not queryable',
    async () => {
      const client = await connected(db.systemUrl);
      await client.end();
      return failureOf(client.query('select 1'));
    },
  ],
  [
    'Connection terminated',
    async () => {
      const client = await connected(db.systemUrl);
      const query = failureOf(client.query('select pg_sleep(5)'));
      await client.end();
      return query;
    },
  ],
  [
    'Query read timeout',
    async () => {
      const client = new pg.Client({ connectionString: db.systemUrl, query_timeout: 30 });
      await client.connect();
      const error = await failureOf(client.query('select pg_sleep(5)'));
      await client.end();
      return error;
    },
  ],
  [
    'timeout exceeded when trying to connect',
    async () => {
      const pool = poolOf(db.systemUrl);
      const busy = await pool.connect();
      const error = await failureOf(pool.query('select 1'));
      busy.release();
      await pool.end();
      return error;
    },
  ],
  [
    'timeout expired',
    async () => {
      const server = await silentServer();
      const error = await failureOf(
        new pg.Client({ connectionString: server.url, connectionTimeoutMillis: 50 }).connect(),
      );
      server.close();
      return error;
    },
  ],
  [
    'Cannot use a pool after calling end on the pool',
    async () => {
      const pool = poolOf(db.systemUrl);
      await pool.end();
      return failureOf(pool.query('select 1'));
    },
  ],
];

describe('isTransient', () => {
  it.each(lostConnections)('knows what node-pg throws: %s', async (said, provoke) => {
    const error = await provoke();
    const words = (error as NodeJS.ErrnoException).code ?? error.message;
    expect(words).toMatch(new RegExp(`^(${said})$`));
    expect(isTransient(error)).toBe(true);
  });

  it('knows a connection attempt that is given up by the pool', async () => {
    const server = await silentServer();
    const pool = poolOf(server.url);
    const error = await failureOf(pool.query('select 1'));
    expect(error.message).toMatch(/^(timeout expired|Connection terminated due to connection timeout)$/);
    expect(isTransient(error)).toBe(true);
    await pool.end();
    server.close();
  });

  it.each([
    ['57014', 'a statement that took too long', `set statement_timeout = 20; select pg_sleep(5)`],
    ['55P03', 'a lock not given', `select pg_advisory_lock(7); set lock_timeout = 20; select * from locked for update`],
    ['57P01', 'a backend ended by the administrator', 'select pg_terminate_backend(pg_backend_pid())'],
    ['25006', 'a standby', 'begin read only; create table x ()'],
  ])('is true for SQLSTATE %s, %s', async (state, _, text) => {
    const holder = await connected(db.adminUrl);
    await holder.query('create table if not exists locked (n int); insert into locked values (1)');
    await holder.query('begin; select * from locked for update');
    const client = await connected(db.adminUrl);
    const error = await failureOf(client.query(text));
    // A FATAL may be overtaken by the end of the connection.
    if (sqlState(error)) expect(sqlState(error)).toBe(state);
    expect(isTransient(error)).toBe(true);
    await Promise.all([holder.end(), client.end()]);
  });

  it.each([
    ['28P01|28000', 'postgres://nobody@HOST/gatehouse'],
    ['3D000', 'postgres://postgres@HOST/nowhere'],
  ])('is true when the server lets nobody in: SQLSTATE %s', async (state, url) => {
    const client = new pg.Client({ connectionString: url.replace('HOST', `127.0.0.1:${db.server.port}`) });
    const error = await failureOf(client.connect());
    expect(sqlState(error)).toMatch(new RegExp(`^(${state})$`));
    expect(isTransient(error)).toBe(true);
  });

  it.each([
    ['23505', `insert into ${service}.outbox default values`],
    ['23502', `insert into ${service}.events default values`],
    ['22P02', `select 'x'::int`],
    ['22012', 'select 1/0'],
    ['42P01', 'select * from nowhere'],
    ['42501', 'set role postgres; set role gatehouse_shop; select * from shop.outbox'],
    ['42601', 'selec'],
    ['25P02', 'begin; select 1/0'],
  ])('is false for SQLSTATE %s: %s', async (state, text) => {
    const client = await connected(db.adminUrl);
    let error = await failureOf(client.query(text));
    if (state === '25P02') error = await failureOf(client.query('select 1'));
    await client.end();
    expect(sqlState(error)).toBe(state);
    expect(isTransient(error)).toBe(false);
  });

  it.each([
    new Error('account is closed'),
    new Error('Connection string of the device is missing'),
    new Error('session terminated by its user'),
    new TypeError("Cannot read properties of undefined (reading 'timeout')"),
    Object.assign(new Error('no such file'), { code: 'ENOENT' }),
    Object.assign(new Error('x'), { code: 'EMAIL' }),
    undefined,
    null,
    'timeout',
    {},
  ])("is false for a fault of the caller's own code, whatever its words: %p", (error) => {
    expect(isTransient(error)).toBe(false);
  });

  it('is true for what the store itself says', () => {
    expect(isTransient(new StoreUnavailable('x'))).toBe(true);
  });
});

describe('violates', () => {
  it('names the index', async () => {
    const error = await failureOf(db.admin(`insert into ${service}.outbox default values`));
    expect([violates(error, 'outbox_pkey'), violates(error, 'events_pkey')]).toEqual([true, false]);
  });
});

describe('a statement that is given up', () => {
  it('takes its connection with it: the next user gets a clean one', async () => {
    const pool = openPool({ url: db.systemUrl, max: 1, applicationName: 'slow', queryTimeoutMs: 60 });
    const pids: number[] = [];
    const slow = inTransaction(pool, async (client) => {
      pids.push((await client.query('select pg_backend_pid() as pid')).rows[0].pid);
      await client.query('select pg_sleep(20)');
    });
    await expect(slow).rejects.toThrow('Query read timeout');
    const { rows } = await pool.query('select pg_backend_pid() as pid');
    expect(rows[0].pid).not.toBe(pids[0]);
    await pool.end();
  });

  it('gives StoreUnavailable when no connection comes free, and works again when one does', async () => {
    const pool = openPool({ url: db.systemUrl, max: 1, applicationName: 'busy' });
    pool.options.connectionTimeoutMillis = 50;
    const busy = await pool.connect();
    await expect(inTransaction(pool, async () => 1)).rejects.toBeInstanceOf(StoreUnavailable);
    busy.release();
    await expect(inTransaction(pool, async () => 1)).resolves.toBe(1);
    await pool.end();
  });
});

describe('openPool', () => {
  it('reports the loss of an idle connection, and goes on with a new one', async () => {
    const lost: string[] = [];
    const pool = openPool({
      url: db.systemUrl,
      max: 1,
      applicationName: 'idle',
      onError: (error) => lost.push(error.message),
    });
    const { rows } = await pool.query('select pg_backend_pid() as pid');
    await db.admin('select pg_terminate_backend($1)', [rows[0].pid]);
    await waitFor(() => lost.length > 0, { message: 'the report' });
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await pool.end();
  });

  it('survives that a connection is ended in the moment in which it is given', async () => {
    const message = (type: string, body: string) => {
      const bytes = Buffer.from(`${type}1234${body}`, 'latin1');
      bytes.writeUInt32BE(bytes.length - 1, 1);
      return bytes;
    };
    // Let in, ready, and "terminating connection due to administrator command", in one packet.
    const words = [message('R', '\0\0\0\0'), message('Z', 'I'), message('E', 'SFATAL\0C57P01\0Mended\0\0')];
    const server = await silentServer((socket) => socket.end(Buffer.concat(words)));
    const pool = openPool({ url: server.url, max: 1, applicationName: 'greeted' });
    const error = await failureOf(inTransaction(pool, async () => 1));
    expect(error.message).toBe('Client has encountered a connection error and is not queryable');
    expect(pool.totalCount).toBe(0);
    server.close();
    await pool.end();
  });
});
