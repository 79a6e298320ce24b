import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startPostgres } from './postgres.js';
import { processIdentity } from './process-identity.js';

let folder: string;
const cleanups: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-pgtest-'));
  chmodSync(folder, 0o755);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

async function start(options: Partial<Parameters<typeof startPostgres>[0]> = {}) {
  const server = await startPostgres({ dataDir: join(folder, 'data'), durable: false, auth: 'trust', ...options });
  cleanups.push(() => server.stop());
  return server;
}

async function query(url: string, text: string, password?: string): Promise<unknown[]> {
  const { hostname: host, port, username: user } = new URL(url);
  const client = new pg.Client({ host, port: Number(port), user, database: 'postgres', password });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('startPostgres', () => {
  it('asks for the password it made, kept in a file of its owner', async () => {
    const superuserPasswordFile = join(folder, 'superuser.password');
    const server = await start({ auth: 'scram-sha-256', superuserPasswordFile });
    expect(statSync(superuserPasswordFile).mode & 0o777).toBe(0o600);
    const password = readFileSync(superuserPasswordFile, 'utf8').trim();
    expect(password.length).toBeGreaterThanOrEqual(32);
    await expect(query(server.url, 'select 1', 'wrong')).rejects.toThrow(/password authentication failed/);
    const rows = await query(server.url, "select rolpassword like 'SCRAM-SHA-256$%' as scram from pg_authid", password);
    expect(rows).toContainEqual({ scram: true });
    expect(await query(server.url, 'show listen_addresses', password)).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });

  it('works in a folder that only its caller may enter', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const dataDir = join(closed, 'deep', 'data');
    const server = await start({ dataDir, durable: true });
    await query(server.url, 'create table t as select 1 as n');
    await server.restart();
    await server.kill9();
    await server.restart();
    expect(await query(server.url, 'select n from t')).toEqual([{ n: 1 }]);
    expect(existsSync(join(dataDir, 'PG_VERSION'))).toBe(true);
  });

  it('refuses a second server on the same data, and names the port that is taken', async () => {
    const server = await start();
    await expect(start()).rejects.toMatchObject({ code: 'data-in-use' });
    const clash = start({ dataDir: join(folder, 'other'), port: server.port });
    await expect(clash).rejects.toMatchObject({ code: 'port-in-use', message: expect.stringContaining('postgres') });
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('ends what a killed parent left, even when its watchdog was killed first', async () => {
    const index = fileURLToPath(new URL('./index.js', import.meta.url));
    const script = `import { startPostgres } from ${JSON.stringify(index)};
      const server = await startPostgres({ dataDir: ${JSON.stringify(join(folder, 'data'))}, durable: false, auth: 'trust' });
      process.stdout.write(String(server.pid));`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const pid = Number(await new Promise<Buffer>((ready) => parent.stdout.once('data', ready)));
    const children = await import('./process-identity.js').then(({ childPids }) => childPids(parent.pid ?? 0));
    // Parent and watchdog end in the same instant: nothing is left to notice.
    process.kill(parent.pid ?? Number.NaN, 'SIGSTOP');
    // Not stopped yet, it could see the watchdog end and start another.
    while (!readFileSync(`/proc/${parent.pid}/stat`, 'utf8').includes(') T ')) await new Promise(setImmediate);
    for (const child of children.filter((each) => each !== pid)) process.kill(child, 'SIGKILL');
    process.kill(parent.pid ?? Number.NaN, 'SIGKILL');
    await new Promise((ended) => parent.once('exit', ended));
    expect(processIdentity(pid)).toBeDefined();
    const messages: string[] = [];
    const server = await start({ onProgress: (message) => messages.push(message) });
    expect(processIdentity(pid)).toBeUndefined();
    expect(messages).toContain('ended a PostgreSQL left behind by a killed parent');
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('never shows a half-made data directory, and explains a foreign or newer one', async () => {
    const dataDir = join(folder, 'data');
    mkdirSync(`${dataDir}.partial`);
    writeFileSync(join(`${dataDir}.partial`, 'PG_VERSION'), '18\n');
    const server = await start();
    expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }]);
    await server.stop();
    writeFileSync(join(dataDir, 'PG_VERSION'), '99\n');
    await expect(start()).rejects.toMatchObject({ code: 'data-version', message: expect.stringContaining('99') });
    renameSync(dataDir, `${dataDir}.away`);
    mkdirSync(dataDir);
    await expect(start()).rejects.toMatchObject({ code: 'data-damaged' });
  });

  it('shows the log when the server does not start', async () => {
    const attempt = start({ settings: { shared_buffers: 'nonsense' } });
    await expect(attempt).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('shared_buffers'),
    });
  });
});
