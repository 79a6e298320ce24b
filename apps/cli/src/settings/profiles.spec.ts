import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { caller } from '../world.fixture.js';
import { keepApiKey } from './credentials.js';
import { findSettingsFolder } from './folder.js';
import { withCredentialsLock } from './lock.js';

let root: ReturnType<typeof tempDir>;
beforeEach(() => {
  root = tempDir('cli-profiles');
});
afterEach(() => root.remove());

const call = (argv: readonly string[], env = {}) => caller(root.path)(['profile', ...argv], env);
const folderWith = (env: Record<string, string> = {}) => findSettingsFolder({ env, cwd: root.path, home: root.path });

describe('profiles', () => {
  it('are added, used, renamed and removed; the environment chooses for one call', async () => {
    expect((await call(['list'])).out).toBe('* default\n');
    await call(['add', 'work']);
    await call(['add', 'lab']);
    expect((await call(['use', 'work'])).exitCode).toBe(0);
    expect((await call(['list'])).out).toBe('  default\n  lab\n* work\n');
    expect((await call(['current'], { GATEHOUSE_PROFILE: 'lab' })).out).toBe('lab\n');
    expect((await call(['current'], { M87_PROFILE: 'default' })).out).toBe('default\n');
    await call(['rename', 'work', 'office']);
    expect(JSON.parse((await call(['current', '--json'])).out)).toMatchObject({ profile: 'office' });
    await call(['remove', 'office']);
    expect((await call(['list'])).out).toBe('* default\n  lab\n');
  });

  it('keep settings and credentials apart, for their owner alone', async () => {
    await call(['add', 'work']);
    const own = folderWith();
    const work = folderWith({ GATEHOUSE_PROFILE: 'work' });
    keepApiKey(own, 'mas_own');
    keepApiKey(work, 'mas_work');
    expect(work).toMatchObject({ profile: 'work', origin: 'home' });
    expect(readFileSync(join(own.path, 'credentials.json'), 'utf8')).not.toContain('mas_work');
    expect(statSync(work.path).mode & 0o777).toBe(0o700);
    expect(statSync(join(work.path, 'credentials.json')).mode & 0o777).toBe(0o600);
    await call(['remove', 'work']);
    expect(existsSync(work.path)).toBe(false);
    expect(existsSync(join(own.path, 'credentials.json'))).toBe(true);
  });

  it.each([
    ['a name that leads elsewhere', ['add', '../evil'], 2],
    ['a hidden one', ['use', '.ssh'], 2],
    ['one that there is not', ['use', 'nobody'], 1],
    ['one that there is', ['add', 'default'], 1],
    ['the default one', ['remove', 'default'], 2],
  ])('%s', async (_name, argv, exitCode) => expect((await call(argv)).exitCode).toBe(exitCode));

  it('one that is named and is not there is an error, not the default', async () => {
    const { exitCode, error } = await call(['current'], { GATEHOUSE_PROFILE: 'gone' });
    expect({ exitCode, error }).toMatchObject({ exitCode: 2, error: expect.stringContaining('"gone"') });
    expect((await call(['current'], { GATEHOUSE_PROFILE: '../../etc' })).exitCode).toBe(2);
  });
});

describe('the lock of credentials', () => {
  it('lets one at a time', async () => {
    const folder = folderWith();
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    };
    await Promise.all([1, 2, 3].map(() => withCredentialsLock(folder, work)));
    expect({ most, inside }).toEqual({ most: 1, inside: 0 });
  });

  it('goes on after one that was killed, and is given back after a failure', async () => {
    const folder = folderWith();
    mkdirSync(folder.path, { recursive: true });
    const path = join(folder.path, 'credentials.lock');
    writeFileSync(path, '');
    utimesSync(path, new Date(0), new Date(0));
    expect(await withCredentialsLock(folder, async () => 'mine')).toBe('mine');
    await expect(withCredentialsLock(folder, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });
});
