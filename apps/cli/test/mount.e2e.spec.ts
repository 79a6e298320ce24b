import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VaultServers } from './vault.fixture.js';

/** `gatehouse secrets mount` as a process, on vault and policy as processes. */

let servers: VaultServers;
let admin = '';
let stranger = '';

beforeAll(async () => {
  servers = await VaultServers.start();
  admin = await servers.somebody('acme', 'admin', ['admin']);
  stranger = await servers.somebody('acme', 'stranger', []);
  for (const name of ['A', 'B']) await put(name, `first ${name}`);
}, 300_000);
afterAll(() => servers?.stop(), 60_000);

async function put(name: string, value: string | Buffer): Promise<void> {
  await servers.ran(admin, ['secrets', 'put', `production/${name}`], { input: value });
}
const modeOf = (path: string) => statSync(path).mode & 0o7777;
const read = (...path: string[]) => (existsSync(join(...path)) ? readFileSync(join(...path), 'utf8') : undefined);
const mounting = (dir: string, ...more: string[]) => [
  'secrets',
  'mount',
  '--scope',
  'production',
  '--dir',
  dir,
  ...more,
];

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('once', () => {
  it('writes exact bytes into files of mode 0400 in a directory of mode 0700', async () => {
    const dir = servers.newFolder('once', 0o755);
    const bytes = Buffer.from([0, 0xff, 0x0a, 0x0d, 0x0a]);
    await put('BYTES', bytes);
    const out = await servers.ran(admin, mounting(dir, 'A', 'BYTES', '--once'));
    expect(out).toContain(`${dir}/A.secret is version 1 of production/A`);
    expect(modeOf(dir)).toBe(0o700);
    expect(readdirSync(dir).sort()).toEqual(['A.secret', 'BYTES.secret']);
    expect(modeOf(join(dir, 'A.secret'))).toBe(0o400);
    expect(read(dir, 'A.secret')).toBe('first A');
    expect(readFileSync(join(dir, 'BYTES.secret')).equals(bytes)).toBe(true);
  });

  it.each<[string, () => string, string[], number, string]>([
    ['a missing secret', () => admin, ['A', 'NONE'], 1, 'production/NONE'],
    ['a denied secret', () => stranger, ['A'], 4, 'production/A'],
    ['a key that nobody knows', () => 'mas_nobody', ['A'], 3, 'production/A'],
    ['a consumer of a secret that there is not', () => admin, ['A', 'NONE', '--consumer', 'application/x'], 2, 'NONE'],
  ])('%s is a clear error, and leaves nothing behind', async (name, who, more, exitCode, words) => {
    const dir = servers.newFolder(`left-${name.replaceAll(' ', '-')}`);
    const failed = await servers.call(who(), mounting(dir, ...more, '--once'));
    expect({ exitCode: failed.exitCode, out: failed.out }).toEqual({ exitCode, out: '' });
    expect(failed.error).toContain(words);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('says when the directory may be on a disk, and refuses it when it must not', async () => {
    const dir = servers.newFolder('disk');
    const isInMemory = JSON.parse(await servers.ran(admin, mounting(dir, 'A', '--once', '--json'))).inMemory;
    const { exitCode, error } = await servers.call(admin, mounting(dir, 'A', '--once', '--require-tmpfs'));
    expect({ exitCode, isWarned: error.includes('not on tmpfs') }).toEqual({
      exitCode: isInMemory ? 0 : 2,
      isWarned: !isInMemory,
    });
  });
});

describe('rotation', () => {
  it('a reader never sees a part of a secret or no file, over 200 versions', async () => {
    const dir = servers.newFolder('rotation');
    const signals = join(servers.folder, 'signals');
    // 64 KiB of one letter: a mixture or another length would be a part.
    const contentOf = (i: number) => String.fromCharCode(97 + (i % 26)).repeat(65_536);
    await put('SPIN', contentOf(0));
    const mount = servers.begin(
      admin,
      mounting(dir, 'SPIN', '--consumer', 'application/spin', '--on-change', `printf x >> '${signals}'`),
    );
    const file = join(dir, 'SPIN.secret');
    await waitFor(() => existsSync(file), { timeoutMs: 60_000, message: mount.said });
    const reader = spawn(process.execPath, ['--input-type=module', '-e', readerOf(file)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(reader.stdout, 'data');
    for (let i = 1; i <= 200; i++) {
      await put('SPIN', contentOf(i));
      await waitFor(() => read(file) === contentOf(i), { timeoutMs: 60_000, intervalMs: 2, message: mount.said });
    }
    let report = '';
    reader.stdout.on('data', (chunk) => (report += String(chunk)));
    reader.kill('SIGTERM');
    await once(reader, 'close');
    const { reads, wrong, changes } = JSON.parse(report);
    expect(wrong).toEqual([]);
    expect(reads).toBeGreaterThan(200);
    // The reader is a process of its own: it may miss some of the changes, not many.
    expect(changes).toBeGreaterThan(100);
    await waitFor(() => read(signals)?.length === 200, { message: 'each change was told' });
    expect(readdirSync(dir)).toEqual(['SPIN.secret']);
    expect(modeOf(file)).toBe(0o400);
    const states = await servers.ran(admin, ['secrets', 'metadata', 'production/SPIN']);
    expect(states).toMatch(/current version +201/);
    mount.child.kill('SIGTERM');
    expect(await ended(mount.child)).toBe(0);
    expect(read(file)).toBe(contentOf(200));
  }, 500_000);

  it('is noticed by asking, too, and the files go at the end when that is wanted', async () => {
    const dir = servers.newFolder('asking');
    const mount = servers.begin(admin, mounting(dir, 'A', 'B', '--interval', '1s', '--remove-on-exit'));
    await waitFor(() => read(dir, 'B.secret'), { timeoutMs: 60_000, message: mount.said });
    writeFileSync(join(dir, 'mine'), 'left alone');
    await put('B', 'second B');
    await waitFor(() => read(dir, 'B.secret') === 'second B', { timeoutMs: 60_000, message: mount.said });
    expect(read(dir, 'A.secret')).toBe('first A');
    mount.child.kill('SIGTERM');
    expect(await ended(mount.child)).toBe(0);
    expect(readdirSync(dir)).toEqual(['mine']);
  }, 200_000);

  it('waits for a vault that is away: the files stay, and it goes on', async () => {
    const dir = servers.newFolder('away');
    const flags = ['--consumer', 'application/away', '--interval', '1s'];
    const mount = servers.begin(admin, mounting(dir, 'A', ...flags));
    await waitFor(() => read(dir, 'A.secret'), { timeoutMs: 60_000, message: mount.said });
    await servers.stopVault();
    await waitFor(() => mount.said().includes('the vault is away'), { timeoutMs: 60_000, message: mount.said });
    expect(read(dir, 'A.secret')).toBe('first A');
    await servers.restartVault();
    await put('A', 'after the pause');
    await waitFor(() => read(dir, 'A.secret') === 'after the pause', { timeoutMs: 60_000, message: mount.said });
    expect(mount.said()).toContain('in order again');
    // A value that is gone is no reason to take the file away from a program that runs.
    await servers.ran(admin, ['secrets', 'put', 'production/A'], { input: 'gone' });
    mount.child.kill('SIGTERM');
    expect(await ended(mount.child)).toBe(0);
    expect(mount.said()).not.toContain('first A');
  }, 300_000);
});

/** Reads without a pause until it is ended, and tells what it saw. */
const readerOf = (file: string) => `
  import { readFileSync } from 'node:fs';
  const wrong = []; let reads = 0; let changes = 0; let last = ''; let over = false;
  process.on('SIGTERM', () => { over = true; });
  console.log('reading');
  while (!over) {
    for (let i = 0; i < 50; i++) {
      reads++;
      try {
        const text = readFileSync(${JSON.stringify(file)}, 'latin1');
        if (text.length !== 65536 || text !== text[0].repeat(65536)) wrong.push(text.length + ' bytes');
        if (text[0] !== last) { changes++; last = text[0]; }
      } catch (error) { wrong.push(error.code); }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(JSON.stringify({ reads, changes, wrong: wrong.slice(0, 5) }));`;
