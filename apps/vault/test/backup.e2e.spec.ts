import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKeyFile } from '@gatehouse/crypto';
import { type PostgresServer, startPostgres } from '@gatehouse/local-servers';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type Somebody, startVaultStackWithServer, type VaultStackWithServer } from './vault-stack.fixture.js';

/** What docs/runbooks/vault-backup.md says, done: a base backup of a vault at work, restored elsewhere. */

const run = promisify(execFile);
const canary = `canary-${randomBytes(9).toString('hex')}`;
const api = '/api/v1/vault';

let stack: VaultStackWithServer;
let ann: Somebody;
let restored: PostgresServer | undefined;
let copy = '';

beforeAll(async () => {
  stack = await startVaultStackWithServer();
  ann = await stack.somebody('acme', 'ann', ['admin']);
  for (let i = 0; i < 20; i++) await write(`backup/S${i}`, `${canary}-${i}`);
  await write('backup/S0', `${canary}-second`);
  copy = join(stack.postgres.dataDir, '..', 'restored');
  await backUp(copy);
}, 400_000);

afterAll(async () => {
  await stack?.stop();
  await restored?.stop();
  if (copy) rmSync(copy, { recursive: true, force: true });
});

const write = (path: string, value: string) =>
  stack.call(`${api}/secrets/${path}`, { key: ann.key, method: 'PUT', body: { value } });
const read = (path: string) => stack.call(`${api}/secrets/${path}`, { key: ann.key });

/** PostgreSQL's own way to copy a cluster that runs, which is what pg_basebackup does. */
async function backUp(target: string): Promise<void> {
  const session = new pg.Client({ connectionString: stack.adminUrl });
  await session.connect();
  try {
    await session.query(`select pg_backup_start('vault', true)`);
    // The vault goes on writing while the files are copied.
    const working = Promise.all(Array.from({ length: 30 }, (_, i) => write(`during/S${i}`, `${canary}-during-${i}`)));
    await run('cp', ['-a', stack.postgres.dataDir, target]);
    await working;
    const { rows } = await session.query<{ labelfile: string }>('select labelfile from pg_backup_stop()');
    // Segments written meanwhile: an archive would bring them.
    await run('cp', ['-a', `${stack.postgres.dataDir}/pg_wal/.`, `${target}/pg_wal`]);
    const label = join(target, 'backup_label');
    writeFileSync(label, rows[0]?.labelfile ?? '');
    const { uid, gid } = statSync(target);
    chownSync(label, uid, gid);
  } finally {
    await session.end();
  }
}

async function restoredUrls(): Promise<Record<string, string>> {
  restored ??= await startPostgres({ dataDir: copy, durable: false, auth: 'trust' });
  const { port } = restored;
  const urlOf = (user: string) => `postgres://${user}@127.0.0.1:${port}/gatehouse`;
  return { DATABASE_URL: urlOf('gatehouse_vault'), DATABASE_SYSTEM_URL: urlOf('gatehouse_vault_system') };
}

async function restartOnCopy(): Promise<void> {
  await stack.restart(await restoredUrls());
  const isReady = async () => (await stack.call('/readyz')).status === 200;
  await waitFor(isReady, { timeoutMs: 60_000, message: 'the vault is ready on the copy' });
}

describe('a backup of the database', () => {
  it('holds no value in clear', async () => {
    // grep ends with 1 when it finds nothing.
    const found = await run('grep', ['-rlF', canary, copy]).catch((error: { code?: number }) => error.code);
    expect(found).toBe(1);
    // That grep looks at all: a name is in clear.
    const { stdout } = await run('grep', ['-rlF', 'backup/S1', copy]);
    expect(stdout).not.toBe('');
  });

  it('opens with the seal key of then, every secret of it', async () => {
    await restartOnCopy();
    for (let i = 0; i < 20; i++) {
      const { status, body } = await read(`backup/S${i}`);
      expect({ status, value: body.value }).toEqual({
        status: 200,
        value: i === 0 ? `${canary}-second` : `${canary}-${i}`,
      });
    }
    expect((await stack.call(`${api}/secrets/backup/S0?version=1`, { key: ann.key })).body.value).toBe(`${canary}-0`);
    // What was acknowledged before the end of the backup is in it.
    for (let i = 0; i < 30; i++) expect((await read(`during/S${i}`)).body.value).toBe(`${canary}-during-${i}`);
    expect((await write('backup/S1', 'goes on')).status).toBe(200);
  });

  it.each(['another key', 'no key'])('stays sealed with %s, says so, and is not changed', async (which) => {
    const file = join(stack.folder, which.replace(' ', '-'));
    if (which === 'another key') createKeyFile(file, randomBytes(32));
    await stack.restart({ ...(await restoredUrls()), SEAL_KEY_FILE: file });
    const isKnown = async () => (await stack.call(`${api}/whoami`, { key: ann.key })).status === 200;
    await waitFor(isKnown, { timeoutMs: 60_000, message: 'the vault knows its callers' });
    const answer = await read('backup/S2');
    expect(answer).toMatchObject({ status: 503, body: { code: 'sealed' } });
    expect(answer.text).not.toContain(canary);
    const ready = await stack.call('/readyz');
    expect(ready).toMatchObject({ status: 503, text: expect.stringContaining('sealed') });
    // Not even a new key where none is: it would open nothing.
    expect(existsSync(file)).toBe(which === 'another key');
    await restartOnCopy();
    expect((await read('backup/S2')).body.value).toBe(`${canary}-2`);
  });
});
