import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secrets } from '../src/secret/secrets.js';
import { askerOf } from './asker.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
  const secrets = stack.service.app.get(Secrets, { strict: false });
  for (const path of ['p/ONE', 'p/TWO', 'p/ann@example.org'])
    for (const value of ['canary-1', 'canary-2']) await secrets.write(askerOf(admin), path, { value });
  await secrets.destroy(askerOf(admin), 'p/TWO', [1]);
});

afterAll(() => stack?.stop());

const program = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** The command as the operator runs it: its own process, the service's environment. */
const run = (...args: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { PATH: process.env.PATH, ...stack.env };
    execFile(process.execPath, [program, 'fsck', ...args], { env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });

const of = (path: string) => `stream_id = (select stream_id from vault.secrets where path = '${path}')`;
const forge = (sql: string) => stack.superuser.query(`set session_replication_role = replica; ${sql}`);

describe('fsck', () => {
  it('says nothing where everything is as the log says', async () => {
    expect(await run('--json')).toEqual({ code: 0, out: '{"secrets":3,"versions":6,"faults":[]}\n', err: '' });
    expect(await run()).toEqual({ code: 0, out: '3 secrets with 6 stored versions: 0 faults\n', err: '' });
  });

  it('finds what differs without a key, and shows no value and no address', async () => {
    await forge(
      `update vault.secret_versions set ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1) where ${of('p/ONE')} and version = 1;
       delete from vault.secret_versions where ${of('p/TWO')} and version = 2;
       update vault.secrets set reference_name = 'two' where path = 'p/ann@example.org'`,
    );
    const { code, out } = await run('--json');
    expect(code).toBe(1);
    const faults = JSON.parse(out).faults as { path: string; version: number; finding: string }[];
    expect(faults.map(({ path, version, finding }) => [path, version, finding]).sort()).toEqual([
      ['p/ONE', 1, 'content_changed'],
      ['p/TWO', 2, 'version_missing'],
      [expect.stringMatching(/^p\/p_.*@example\.org$/), 0, 'path_changed'],
    ]);
    const table = await run();
    expect(table.code).toBe(1);
    expect(table.out).toMatch(/^TENANT +SECRET +VERSION +FINDING\n/);
    expect(table.out).toMatch(/acme +p\/ONE +1 +content_changed/);
    expect(table.out).toContain('3 faults');
    for (const text of [out, table.out]) expect(text).not.toMatch(/canary|ann@/);
  });

  it('refuses what it does not know', async () => {
    expect(await run('--fix')).toMatchObject({ code: 1, out: '' });
  });
});
