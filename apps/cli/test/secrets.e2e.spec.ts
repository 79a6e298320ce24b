import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import type { Called } from '../src/world.fixture.js';
import { type Call, VaultServers } from './vault.fixture.js';

/** The commands of secrets with the real program, on vault and policy as processes. */

let servers: VaultServers;
let admin = '';
let stranger = '';

beforeAll(async () => {
  servers = await VaultServers.start();
  admin = await servers.somebody('acme', 'admin', ['admin']);
  stranger = await servers.somebody('acme', 'stranger', []);
}, 300_000);
afterAll(() => servers?.stop(), 60_000);

const call = (args: string[], given?: Call): Promise<Called> => servers.call(admin, args, given);
const ran = (args: string[], given?: Call): Promise<string> => servers.ran(admin, args, given);

describe('values', () => {
  it('come back byte by byte, whatever they are', async () => {
    const values = [
      Buffer.from('hunter2'),
      Buffer.from('two\nlines\r\n\n'),
      Buffer.from([0, 255, 10, 13]),
      Buffer.alloc(0),
    ];
    for (const [i, input] of values.entries()) {
      await ran(['secrets', 'put', `bytes/V${i}`], { input });
      expect((await call(['secrets', 'get', `bytes/V${i}`])).bytes.equals(input)).toBe(true);
    }
  });

  it('go to files that only their owner reads', async () => {
    writeFileSync(join(servers.folder, 'in.txt'), 'from a file');
    await ran(['secrets', 'put', 'production/FILE', '--file', 'in.txt']);
    await ran(['secrets', 'get', 'production/FILE', '--out', 'out.txt']);
    const out = join(servers.folder, 'out.txt');
    expect(readFileSync(out, 'utf8')).toBe('from a file');
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  it('keep the new line of echo, and say so', async () => {
    const { error } = await call(['secrets', 'put', 'production/ECHO'], { input: 'x\n' });
    expect(error).toContain('--trim');
    expect((await call(['secrets', 'get', 'production/ECHO'])).out).toBe('x\n');
    await ran(['secrets', 'put', 'production/ECHO', '--trim'], { input: 'y\r\n' });
    expect((await call(['secrets', 'get', 'production/ECHO'])).out).toBe('y');
  });

  it('may be members, changed one by one', async () => {
    await ran(['secrets', 'put', 'production/DB', '--members'], { input: '{"user":"u","password":"p","port":1}' });
    await ran(['secrets', 'patch', 'production/DB'], { input: '{"password":"q","port":null}\n' });
    expect(JSON.parse(await ran(['secrets', 'get', 'production/DB', '--json']))).toMatchObject({
      version: 2,
      data: { user: 'u', password: 'q' },
      reference: 'secret://acme/production/db',
    });
    expect(await ran(['secrets', 'get', 'production/DB', '--field', 'password'])).toBe('q');
    expect((await call(['secrets', 'get', 'production/DB', '--field', 'port'])).error).toContain('user, password');
    expect(await ran(['secrets', 'get', 'production/DB', '--version', '1', '--field', 'password'])).toBe('p');
  });

  it('are written over only by whoever saw them, when it is asked', async () => {
    const put = (cas: string) => call(['secrets', 'put', 'production/CAS', '--cas', cas], { input: 'v' });
    expect([(await put('0')).exitCode, (await put('0')).exitCode, (await put('1')).exitCode]).toEqual([0, 1, 0]);
  });

  it('warn of names that nobody can mount', async () => {
    expect((await call(['secrets', 'put', 'production/with-hyphen'], { input: 'v' })).error).toContain('warning: ');
  });
});

describe('life', () => {
  it('is deleted, restored, destroyed, and forgotten', async () => {
    for (const input of ['1', '2', '3']) await ran(['secrets', 'put', 'life/A'], { input });
    await ran(['secrets', 'delete', 'life/A', '--versions', '1,3']);
    expect((await call(['secrets', 'get', 'life/A'])).exitCode).toBe(1);
    await ran(['secrets', 'undelete', 'life/A', '--versions', '3']);
    expect(await ran(['secrets', 'get', 'life/A'])).toBe('3');
    await ran(['secrets', 'destroy', 'life/A', '--versions', '2']);
    const rows = (await ran(['secrets', 'versions', 'life/A'])).trim().split('\n').slice(1);
    expect(rows.map((row) => row.split(/ +/).slice(0, 2))).toEqual([
      ['3', 'live'],
      ['2', 'destroyed'],
      ['1', 'deleted'],
    ]);
    await ran(['secrets', 'metadata', 'life/A', '--set', 'owner=ann', '--max-versions', '5', '--cas-required']);
    expect(await ran(['secrets', 'metadata', 'life/A'])).toMatch(/versions kept +5[\s\S]*metadata owner +ann/);
    await ran(['secrets', 'delete', 'life/A', '--all', '--yes']);
    expect((await call(['secrets', 'metadata', 'life/A'])).exitCode).toBe(1);
  });

  it('is listed without values', async () => {
    for (const path of ['list/B', 'list/A', 'list/deeper/C'])
      await ran(['secrets', 'put', path], { input: 'canary-77' });
    expect((await ran(['secrets', 'list', 'list'])).split('\n')).toEqual(['A', 'B', 'deeper/', '']);
    const all = await ran(['secrets', 'list', 'list', '--recursive']);
    expect(all.split('\n')).toEqual(['A', 'B', 'deeper/C', '']);
    expect((await call(['secrets', 'list', 'nothing'])).error).toContain('no secret below nothing');
  });

  it.each([
    ['get', ['secrets', 'get', 'production/FILE']],
    ['put', ['secrets', 'put', 'production/FILE']],
    ['list', ['secrets', 'list', 'production']],
    ['delete', ['secrets', 'delete', 'production/FILE']],
  ])('is closed to others: %s', async (_name, args) => {
    const { exitCode, out, error } = await servers.call(stranger, args, { input: 'canary-78' });
    expect(exitCode).toBe(4);
    expect(out + error).not.toContain('canary');
  });

  it.each(['../keys', 'a/../../b', '%2e%2e/x', './a'])('a path does not lead elsewhere: %s', async (path) => {
    expect((await call(['secrets', 'get', path])).exitCode).not.toBe(0);
  });
});

describe('run', () => {
  const program = (args: string[], given?: Call) => servers.callProgram(admin, args, given);
  const show = ['--', process.execPath, '-e', 'process.stdout.write(JSON.stringify(process.env))'];

  it('gives secrets to the program alone, and not the key to them', async () => {
    await ran(['secrets', 'put', 'production/RUN_A'], { input: 'canary-a' });
    await ran(['secrets', 'put', 'production/RUN_B'], { input: 'two\nlines' });
    const args = ['run', '--scope', 'production', '--secret', 'RUN_A', '--secret', 'RUN_B=OTHER', ...show];
    const env = JSON.parse((await program(args, { env: { KEPT: 'yes' } })).out);
    expect(env).toMatchObject({ RUN_A: 'canary-a', OTHER: 'two\nlines', KEPT: 'yes' });
    expect(Object.keys(env)).not.toContain('GATEHOUSE_API_KEY');
  });

  it('starts nothing when one of them is missing or denied', async () => {
    const touch = ['--', process.execPath, '-e', 'process.stdout.write("started")'];
    const missing = await program(['run', '--scope', 'production', '--secret', 'RUN_A', '--secret', 'NONE', ...touch]);
    expect(missing).toMatchObject({ exitCode: 1, out: '' });
    expect(missing.error).toContain('production/NONE');
    const denied = await servers.callProgram(stranger, ['run', '--scope', 'production', '--secret', 'RUN_A', ...touch]);
    expect(denied).toMatchObject({ exitCode: 4, out: '' });
  });

  it('ends as the program ends, and passes signals and arguments on', async () => {
    const node = (code: string, ...args: string[]) =>
      program(['run', '--scope', 'production', '--secret', 'RUN_A', '--', process.execPath, '-e', code, '--', ...args]);
    expect((await node('process.exit(42)')).exitCode).toBe(42);
    expect((await node('process.kill(process.pid, "SIGKILL")')).exitCode).toBe(137);
    expect((await node('console.log(process.argv.slice(1).join())', '--json', '-x', '--')).out).toBe('--json,-x,--\n');
    expect(
      (await program(['run', '--scope', 'production', '--secret', 'RUN_A', '--', 'no-such-program'])).exitCode,
    ).toBe(2);
    const code = 'process.on("SIGTERM", () => process.exit(7)); console.log("up"); setInterval(() => 0, 1000)';
    const running = servers.begin(admin, [
      ...['run', '--scope', 'production', '--secret', 'RUN_A', '--', process.execPath, '-e', code],
    ]);
    await new Promise((resolve) => running.child.stdout?.once('data', resolve));
    const ended = new Promise((resolve) => running.child.once('exit', resolve));
    running.child.kill('SIGTERM');
    expect(await ended).toBe(7);
  });
});

describe('in and out', () => {
  const put = (name: string, text: string) => writeFileSync(join(servers.folder, name), text);

  it('a .env file: looked at first, refused on a conflict, then taken over', async () => {
    put('app.env', 'IN_A=one\nIN_B="two\nlines"\n');
    await ran(['secrets', 'put', 'imported/IN_B'], { input: 'before' });
    const args = ['secrets', 'import', 'app.env', '--from', 'dotenv', '--prefix', 'imported'];
    expect(await ran([...args, '--dry-run'])).toMatch(/imported\/IN_A +would be created[\s\S]*IN_B +is there already/);
    expect((await call(args)).exitCode).toBe(1);
    expect((await call(['secrets', 'get', 'imported/IN_A'])).exitCode).toBe(1);
    await ran([...args, '--on-conflict', 'skip']);
    expect(await ran(['secrets', 'get', 'imported/IN_A'])).toBe('one');
    expect(await ran(['secrets', 'get', 'imported/IN_B'])).toBe('before');
    await ran([...args, '--on-conflict', 'new-version']);
    expect(await ran(['secrets', 'get', 'imported/IN_B'])).toBe('two\nlines');
  });

  it('goes on behind what an import that broke off has written, and writes nothing twice', async () => {
    put('more.env', 'R_A=1\nR_B=2\n');
    put('part.env', 'R_A=1\n');
    const args = (file: string) => ['secrets', 'import', file, '--from', 'dotenv', '--prefix', 'resumed'];
    await ran([...args('part.env'), '--resume', 'import-4711']);
    await ran([...args('more.env'), '--resume', 'import-4711']);
    const { currentVersion } = JSON.parse(await ran(['secrets', 'metadata', 'resumed/R_A', '--json']));
    expect(currentVersion).toBe(1);
    expect(await ran(['secrets', 'get', 'resumed/R_B'])).toBe('2');
    // What somebody else wrote is not written over.
    put('more.env', 'R_C=3\n');
    await ran(['secrets', 'put', 'resumed/R_C'], { input: 'theirs' });
    const { exitCode, error } = await call([...args('more.env'), '--resume', 'import-4711']);
    expect(exitCode).toBe(1);
    expect(error).toContain('--resume import-4711');
    expect(await ran(['secrets', 'get', 'resumed/R_C'])).toBe('theirs');
  });

  it('more than one request takes, of any size, which a program then gets together', async () => {
    const names = Array.from({ length: 130 }, (_, i) => `M_${i}`);
    const large = 'x'.repeat(700_000);
    put('many.env', names.map((name, i) => `${name}=${i === 1 || i === 2 ? large : i}\n`).join(''));
    const args = ['secrets', 'import', 'many.env', '--from', 'dotenv', '--prefix', 'many'];
    const { exitCode, out, error } = await call(args);
    expect({ exitCode, rows: out.split('\n').filter((line) => / written +1$/.test(line)).length }).toEqual({
      exitCode: 0,
      rows: names.length,
    });
    // Two large ones have no room in one request, and 64 are one.
    expect(error.match(/\d+ of 130/g)).toEqual(['2 of 130', '66 of 130']);
    const wanted = names.filter((_, i) => i !== 1 && i !== 2).flatMap((name) => ['--secret', name]);
    const show = [
      '--',
      process.execPath,
      '-e',
      'console.log(Object.keys(process.env).filter((n) => n[1] === "_").length)',
    ];
    const given = await servers.callProgram(admin, ['run', '--scope', 'many', ...wanted, ...show]);
    expect(given).toMatchObject({ exitCode: 0, out: '128\n' });
    const more = ['--secret', 'NOT_THERE', ...show];
    const missing = await servers.callProgram(admin, ['run', '--scope', 'many', ...wanted, ...more]);
    expect(missing).toMatchObject({ exitCode: 1, out: '' });
    expect(missing.error).toContain('many/NOT_THERE');
  });

  it('one that is refused is named, and the others are written', async () => {
    put('theirs.env', 'T_A=1\nT_B=2\nT_C=3\n');
    await ran(['secrets', 'put', 'theirs/T_B'], { input: 'theirs' });
    const args = [
      'secrets',
      'import',
      'theirs.env',
      '--from',
      'dotenv',
      '--prefix',
      'theirs',
      '--resume',
      'import-4712',
    ];
    const { exitCode, error } = await call(args);
    expect(exitCode).toBe(1);
    expect(error).toMatch(/theirs\/T_B: .*check_and_set[\s\S]*2 were written/);
    expect(await ran(['secrets', 'get', 'theirs/T_C'])).toBe('3');
    put('huge.env', `T_D=4\nT_E=${'x'.repeat(1_100_000)}\n`);
    const huge = await call(['secrets', 'import', 'huge.env', '--from', 'dotenv', '--prefix', 'theirs']);
    expect(huge.exitCode).toBe(2);
    expect(huge.error).toMatch(/theirs\/T_E: .*too large[\s\S]*1 were written/);
  });

  it('manifests of Kubernetes keep their type', async () => {
    put(
      'k8s.yaml',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ntype: Opaque\nstringData: {password: canary-k}',
    );
    await ran(['secrets', 'import', 'k8s.yaml', '--from', 'kubernetes', '--prefix', 'k8s']);
    const read = JSON.parse(await ran(['secrets', 'get', 'k8s/db/password', '--json']));
    expect(read).toMatchObject({ data: { value: 'canary-k' }, customMetadata: { kubernetes_type: 'Opaque' } });
  });

  it('an export opens with its identity alone, and comes back as it was', async () => {
    const identity = await generateIdentity();
    put('identity.txt', `# a comment\n${identity}\n`);
    await ran(['secrets', 'put', 'sealed/A'], { input: 'canary-export' });
    await ran(['secrets', 'put', 'sealed/deep/B', '--members'], { input: '{"n":1}' });
    const out = await ran([
      ...['secrets', 'export', 'sealed', '--recipient', await identityToRecipient(identity), '--out', 'sealed.age'],
    ]);
    expect(out).toContain('2 secrets are sealed');
    const file = join(servers.folder, 'sealed.age');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'latin1')).not.toContain('canary');
    const args = ['secrets', 'import', 'sealed.age', '--from', 'age', '--prefix', 'back'];
    expect((await call(args)).error).toContain('--identity');
    await ran([...args, '--identity', 'identity.txt']);
    expect(await ran(['secrets', 'get', 'back/sealed/A'])).toBe('canary-export');
    expect(await ran(['secrets', 'get', 'back/sealed/deep/B'])).toBe('{"n":1}');
  });

  it('config lint knows which secrets there are', async () => {
    put('lint.yaml', 'config:\n  a: "{{ secret.RUN_A }}"\n  b: "{{ secret.NO_SUCH }}"\n');
    const { exitCode, out } = await call(['config', 'lint', 'lint.yaml', '--scope', 'production']);
    expect(exitCode).toBe(1);
    expect(out).toBe('lint.yaml:3:6: error: config.b: there is no secret NO_SUCH in production (secret_unknown)\n');
  });
});
