import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { openTestDatabases, processIdentity, startTestNats, startTestPostgres, tempDir, waitFor } from './index.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('startTestPostgres', () => {
  it('gives separate databases, and removes its files on stop', async () => {
    const server = await startTestPostgres();
    const url = await server.createDatabase('with "quotes"; and more'.slice(0, 20).replace(/[^a-z]/g, '_'));
    await query(url, 'create table t (n int)');
    await expect(query(server.url, 'select * from t')).rejects.toThrow(/does not exist/);
    await server.stop();
    expect(existsSync(server.dataDir)).toBe(false);
    expect(processIdentity(server.pid)).toBeUndefined();
  });

  it('keeps committed rows over kill -9 when durable', async () => {
    const server = await startTestPostgres({ durable: true });
    cleanups.push(() => server.stop());
    expect(await query(server.url, 'show fsync')).toEqual([{ fsync: 'on' }]);
    await query(server.url, 'create table t as select 42 as n');
    const before = server.pid;
    await server.kill9();
    await expect(query(server.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);
    await server.restart();
    expect(server.pid).not.toBe(before);
    expect(await query(server.url, 'select n from t')).toEqual([{ n: 42 }]);
  });
});

describe('openTestDatabases', () => {
  afterEach(() => {
    delete process.env.GATEHOUSE_TEST_POSTGRES;
  });

  const filled = { prepared: 0 };
  const template = {
    name: 'filled',
    prepare: async (url: string) => {
      filled.prepared += 1;
      await query(url, 'create table t as select 42 as n');
    },
  };

  it('gives several at a time databases of their own on one server, like a template that is made once', async () => {
    const server = await startTestPostgres();
    cleanups.push(() => server.stop());
    process.env.GATEHOUSE_TEST_POSTGRES = server.url;
    const [one, other] = await Promise.all([openTestDatabases(), openTestDatabases()]);
    expect([one.port, other.port]).toEqual([server.port, server.port]);
    const [first, second] = await Promise.all([one, other].map((each) => each.createDatabase('events', template)));
    expect(filled.prepared).toBe(1);
    await query(first ?? '', 'update t set n = 1');
    expect(await query(second ?? '', 'select n from t')).toEqual([{ n: 42 }]);
    await expect(query(await one.createDatabase('events'), 'select n from t')).rejects.toThrow(/does not exist/);
    await one.stop();
    await expect(query(first ?? '', 'select')).rejects.toThrow(/does not exist/);
    expect(await query(second ?? '', 'select n from t')).toEqual([{ n: 42 }]);
    await other.stop();
    const left = `select from pg_database where datname like 'events%'`;
    expect(await query(server.url, left)).toEqual([]);
  });

  it('gives a server of their own where the run has none', async () => {
    const databases = await openTestDatabases();
    const url = await databases.createDatabase('events', template);
    expect(await query(url, 'select n from t')).toEqual([{ n: 42 }]);
    await databases.stop();
    await expect(query(url, 'select')).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('startTestNats', () => {
  it('applies a configuration, pauses and resumes, and survives kill -9', async () => {
    const nats = await startTestNats({ config: 'authorization { user: a, password: b }' });
    cleanups.push(() => nats.stop());
    await expect(connect({ servers: nats.url })).rejects.toThrow(/uthorization/);
    const login = { servers: nats.url, user: 'a', pass: 'b', timeout: 500 };
    nats.pause();
    // The signal has been sent; the server may still be answering when it comes.
    const refusal = async () => {
      try {
        await (await connect({ ...login, reconnect: false })).close();
      } catch (error) {
        return (error as Error).message;
      }
      return undefined;
    };
    expect(await waitFor(refusal, { message: 'a pause' })).toMatch(/imeout|TIMEOUT/);
    nats.resume();
    const port = nats.port;
    await nats.kill9();
    await nats.restart();
    expect(nats.port).toBe(port);
    const connection = await connect(login);
    expect(connection.info?.jetstream).toBe(true);
    await connection.close();
  });
});

describe('a killed test process', () => {
  it('leaves neither PostgreSQL nor NATS behind', async () => {
    const index = new URL('./index.js', import.meta.url);
    const script = `import { startTestNats, startTestPostgres } from ${JSON.stringify(fileURLToPath(index))};
      const [nats, postgres] = await Promise.all([startTestNats(), startTestPostgres()]);
      console.log(JSON.stringify([nats.pid, postgres.pid]));`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    parent.stdout.on('data', (data) => {
      output += data;
    });
    const pids = await waitFor(() => output.endsWith('\n') && (JSON.parse(output) as number[]), {
      message: 'servers up',
    });
    expect(pids.map((pid) => processIdentity(pid) !== undefined)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await waitFor(() => pids.every((pid) => processIdentity(pid) === undefined), { message: 'servers gone' });
  });
});

describe('waitFor', () => {
  it('says what it waited for and the last error', async () => {
    const failing = waitFor(() => Promise.reject(new Error('not yet')), { timeoutMs: 50, message: () => 'the row' });
    await expect(failing).rejects.toMatchObject({ message: 'not within 50 ms: the row', cause: new Error('not yet') });
  });
});

describe('tempDir', () => {
  it('removes what is inside', () => {
    const dir = tempDir();
    expect(existsSync(dir.path)).toBe(true);
    dir.remove();
    expect(existsSync(dir.path)).toBe(false);
  });
});
