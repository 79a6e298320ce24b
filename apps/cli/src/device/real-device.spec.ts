import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RealDevices } from './real-device.fixture.js';

const real = new RealDevices();
beforeAll(() => real.start(['edge-1', 'edge-2']), 30_000);
afterAll(() => real.stop(), 30_000);

const here = (...parts: string[]) => join(real.folder.path, ...parts);
const there = (...parts: string[]) => join(real.home('edge-1'), ...parts);
const ran = async (...argv: string[]) => {
  const { exitCode, out, error } = await real.call(argv);
  expect({ argv, exitCode, error }).toEqual({ argv, exitCode: 0, error: '' });
  return out;
};
const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
const names = (path: string) => (readdirSync(path, { recursive: true }) as string[]).sort();

describe('exec, through a relay and a sealed channel', () => {
  it('runs what is said, as it is said, and its end is ours', async () => {
    expect(await ran('edge-1', 'exec', '--', 'echo', 'a  b', '$HOME')).toBe('a  b $HOME\n');
    expect(await ran('edge-1', 'exec', 'echo $HOME')).toBe(`${real.home('edge-1')}\n`);
    expect(await ran('edge-1', 'exec', '--', 'sh', '-c', 'true && echo yes')).toBe('yes\n');
    const ended = await real.call(['edge-1', 'exec', '--', 'sh', '-c', 'printf x; printf y >&2; exit 7']);
    expect(ended).toMatchObject({ exitCode: 7, out: 'x', error: 'y' });
    expect((await real.call(['edge-1', 'exec', '--', 'sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
    expect((await real.call(['edge-1', 'exec', '--', 'no-such-program'])).exitCode).toBe(127);
  });

  it('gives what sort says after its input ended', async () => {
    const stdin = Readable.from([Buffer.from('b\nc\n'), Buffer.from('a\n')]);
    expect((await real.call(['edge-1', 'exec', '-i', '--', 'sort'], { stdin })).out).toBe('a\nb\nc\n');
  });

  it('a device that is not there is said to be, and one that nobody knows', async () => {
    real.forget('edge-2');
    const ended = await real.call(['edge-2', 'exec', 'true']);
    expect(ended).toMatchObject({ exitCode: 5, out: '', error: expect.stringContaining('not there') });
    expect(await real.call(['nobody', 'exec', 'true'])).toMatchObject({ exitCode: 1 });
    await real.back();
  });
});

describe('cp', () => {
  it('keeps bytes, mode and time both ways, relative to the home', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17);
    writeFileSync(here('a.bin'), bytes, { mode: 0o750 });
    utimesSync(here('a.bin'), 1_700_000_000.5, 1_700_000_000.5);
    await ran('cp', 'a.bin', 'edge-1:');
    expect(hash(there('a.bin'))).toBe(hash(here('a.bin')));
    expect(statSync(there('a.bin'))).toMatchObject({ mode: 0o100750, mtimeMs: 1_700_000_000_500 });
    await ran('cp', 'edge-1:~/a.bin', 'back.bin');
    expect(readFileSync(here('back.bin')).equals(bytes)).toBe(true);
    expect(statSync(here('back.bin'))).toMatchObject({ mode: 0o100750, mtimeMs: 1_700_000_000_500 });
    expect(
      names(real.folder.path)
        .concat(names(there()))
        .filter((name) => name.includes('.part')),
    ).toEqual([]);
  });

  it('copies folders with all below, links as links, from device to device, too', async () => {
    mkdirSync(here('tree/sub/empty'), { recursive: true });
    writeFileSync(here('tree/sub/x'), 'x');
    symlinkSync('sub/x', here('tree/link'));
    expect((await real.call(['cp', 'tree', 'edge-1:copy'])).exitCode).toBe(2);
    await ran('cp', '-r', 'tree', 'edge-1:copy');
    await ran('cp', '-r', 'edge-1:copy', 'edge-2:');
    await ran('cp', '-r', 'edge-2:copy', 'round');
    expect(names(here('round'))).toEqual(['link', 'sub', 'sub/empty', 'sub/x']);
    expect(readlinkSync(here('round/link'))).toBe('sub/x');
  });

  it('goes on where it was cut off, and starts again when what is there is another file', async () => {
    const bytes = randomBytes(4 * 1024 * 1024);
    writeFileSync(here('big'), bytes);
    await ran('cp', 'big', 'edge-1:big');
    const { size, mtimeMs } = statSync(here('big'));
    const resume = createHash('sha256')
      .update(JSON.stringify(['', here('big'), size, mtimeMs, 'again']))
      .digest('hex')
      .slice(0, 32);
    const partial = there(`.gatehouse-${resume}.part`);
    writeFileSync(partial, bytes.subarray(0, 3 * 1024 * 1024), { mode: 0o600 });
    await ran('cp', 'big', 'edge-1:again');
    expect(hash(there('again'))).toBe(hash(here('big')));
    writeFileSync(partial, randomBytes(2 * 1024 * 1024), { mode: 0o600 });
    await ran('cp', 'big', 'edge-1:again');
    expect(hash(there('again'))).toBe(hash(here('big')));
    expect(existsSync(partial)).toBe(false);
  });

  it('a relay that drops everybody in the middle costs nothing', async () => {
    writeFileSync(here('long'), randomBytes(48 * 1024 * 1024));
    const copying = real.call(['cp', 'long', 'edge-1:long']);
    await waitFor(() =>
      readdirSync(there()).some((name) => name.endsWith('.part') && statSync(there(name)).size > 1024 * 1024),
    );
    await real.cut();
    expect(await copying).toMatchObject({ exitCode: 0 });
    expect(hash(there('long'))).toBe(hash(here('long')));
  });

  it('writes through no link that is in its way, here or there', async () => {
    mkdirSync(here('outside'));
    mkdirSync(here('target'));
    symlinkSync(here('outside'), here('target/sub'));
    const ended = await real.call(['cp', '-r', 'edge-1:copy/sub', 'target']);
    expect(ended).toMatchObject({ exitCode: 1, error: expect.stringContaining('links are not followed') });
    expect(readdirSync(here('outside'))).toEqual([]);
  });

  it('says what is not there', async () => {
    expect(await real.call(['cp', 'edge-1:none', '.'])).toMatchObject({ exitCode: 1 });
    expect(await real.call(['cp', 'none', 'edge-1:'])).toMatchObject({ exitCode: 1 });
    expect(await real.call(['cp', '-n', 'big', 'edge-1:big'])).toMatchObject({ exitCode: 1 });
  });
});

describe('ls', () => {
  it('lists a folder, a file, the home; what is missing is an error', async () => {
    expect(await ran('ls', 'edge-1:copy', '--names')).toBe('link\nsub\n');
    expect(await ran('ls', 'edge-1:copy')).toContain('link -> sub/x');
    expect(await ran('ls', `edge-1:${there('copy', 'sub', 'x')}`, '--names')).toBe('x\n');
    expect(await ran('ls', 'edge-1:', '--names')).toContain('copy\n');
    expect(JSON.parse(await ran('ls', 'edge-1:copy', '--json')).entries).toHaveLength(2);
    expect((await real.call(['ls', 'edge-1:missing'])).exitCode).toBe(1);
  });

  it('takes more entries than a page has', async () => {
    mkdirSync(there('many'));
    for (let i = 0; i < 700; i++) writeFileSync(there('many', `f${i}`), '');
    expect((await ran('ls', 'edge-1:many', '--names')).split('\n')).toHaveLength(701);
  });
});

describe('sync', () => {
  beforeAll(() => {
    mkdirSync(here('site/css'), { recursive: true });
    mkdirSync(here('site/node_modules/x'), { recursive: true });
    writeFileSync(here('site/index.html'), 'hello');
    writeFileSync(here('site/css/a.css'), 'a');
    writeFileSync(here('site/debug.log'), 'log');
    writeFileSync(here('site/node_modules/x/i.js'), 'x');
  });
  const sync = (...flags: string[]) =>
    ran('sync', 'site', 'edge-1:site', '-e', 'node_modules', '-e', '*.log', ...flags);

  it('says what it would do, does it, and then has nothing to do', async () => {
    const plan = 'folder css\ncopy css/a.css\ncopy index.html\n';
    expect(await sync('--dry-run')).toBe(plan);
    expect(existsSync(there('site'))).toBe(false);
    expect(await sync()).toBe(plan);
    expect(names(there('site'))).toEqual(['css', 'css/a.css', 'index.html']);
    expect(await sync()).toBe('');
  });

  it('removes only when asked, only below the target, and nothing that is excluded', async () => {
    writeFileSync(there('site/old'), 'old');
    writeFileSync(there('site/keep.log'), 'log');
    symlinkSync(there('big'), there('site/way-out'));
    expect(await sync()).toBe('');
    expect(await sync('--delete')).toBe('remove old\nremove way-out\n');
    expect(names(there('site'))).toEqual(['css', 'css/a.css', 'index.html', 'keep.log']);
    expect(existsSync(there('big'))).toBe(true);
  });

  it('keeps modes of folders and whatever names there are; what has no readable name is told, and stays', async () => {
    mkdirSync(here('odd/closed'), { recursive: true, mode: 0o700 });
    writeFileSync(here('odd/closed/x'), 'x');
    chmodSync(here('odd/closed'), 0o500);
    const wanted = ['-dash', 'back\\slash', 'line\nbreak', 'ünï ☃'];
    for (const name of wanted) writeFileSync(here('odd', name), name);
    await ran('sync', 'odd', 'edge-1:odd');
    expect(names(there('odd'))).toEqual(names(here('odd')));
    expect(statSync(there('odd/closed')).mode & 0o777).toBe(0o500);
    await ran('cp', '-r', 'edge-1:odd', 'odd-again');
    expect(names(here('odd-again'))).toEqual(names(here('odd')));
    expect(statSync(here('odd-again/closed')).mode & 0o777).toBe(0o500);
    expect(await ran('sync', 'odd', 'edge-1:odd')).toBe('');

    const unreadable = Buffer.concat([Buffer.from(`${there('odd')}/`), Buffer.from([0xff])]);
    writeFileSync(unreadable, 'precious');
    expect(await ran('sync', 'odd', 'edge-1:odd', '--delete')).toBe('');
    expect(existsSync(unreadable)).toBe(true);
    const back = await real.call(['sync', 'edge-1:odd', 'odd']);
    expect(back).toMatchObject({ exitCode: 1, error: expect.stringContaining('not UTF-8') });
    for (const folder of [here('odd/closed'), there('odd/closed'), here('odd-again/closed')]) chmodSync(folder, 0o700);
  });

  it('a file that changes meanwhile is left as it was there, and the others are copied', async () => {
    mkdirSync(here('busy'));
    writeFileSync(here('busy/a'), 'old');
    await ran('sync', 'busy', 'edge-1:busy');
    const log = here('busy/a');
    writeFileSync(log, Buffer.alloc(64 * 1024 * 1024));
    writeFileSync(here('busy/b'), 'b');
    const held = openSync(log, 'r+');
    const running = real.call(['sync', 'busy', 'edge-1:busy']);
    await waitFor(() => readdirSync(there('busy')).some((name) => name.endsWith('.part')));
    writeSync(held, 'x', 32 * 1024 * 1024);
    closeSync(held);
    expect(await running).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('a changed while it was copied'),
    });
    expect(names(there('busy'))).toEqual(['a', 'b']);
    expect(readFileSync(there('busy/a'), 'utf8')).toBe('old');
    // A log that grows is copied as far as it went.
    const again = real.call(['sync', 'busy', 'edge-1:busy']);
    await waitFor(() => readdirSync(there('busy')).some((name) => name.endsWith('.part')));
    appendFileSync(log, 'more');
    expect(await again).toMatchObject({ exitCode: 0 });
    expect(statSync(there('busy/a')).size).toBe(64 * 1024 * 1024);
  });

  it('sees a change of the same size and time when it compares content', async () => {
    const { atime, mtime } = statSync(here('site/index.html'));
    writeFileSync(here('site/index.html'), 'hallo');
    utimesSync(here('site/index.html'), atime, mtime);
    expect(await sync()).toBe('');
    expect(await sync('--checksum')).toBe('copy index.html\n');
    expect(readFileSync(there('site/index.html'), 'utf8')).toBe('hallo');
  });

  it('brings a folder back from a device, a link in the place of a folder untouched', async () => {
    await ran('sync', 'edge-1:site', 'fetched');
    expect(names(here('fetched'))).toEqual(['css', 'css/a.css', 'index.html', 'keep.log']);
    mkdirSync(here('elsewhere'));
    mkdirSync(here('trap'));
    symlinkSync(here('elsewhere'), here('trap/css'));
    expect((await real.call(['sync', 'edge-1:site', 'trap'])).exitCode).toBe(1);
    expect(readdirSync(here('elsewhere'))).toEqual([]);
    expect(lstatSync(here('trap/css')).isSymbolicLink()).toBe(true);
  });
});

describe('a grant', () => {
  it('names what is asked for, no more, and each call has a key of its own', async () => {
    const before = real.grants.length;
    await ran('ls', 'edge-1:copy', '--names');
    await ran('edge-1', 'exec', '--', 'true', 'x');
    const [list, exec] = real.grants.slice(before);
    expect(list).toMatchObject({ scope: { kind: 'files', paths: ['copy'], write: false } });
    expect(exec).toMatchObject({ scope: { kind: 'exec' }, command: ['true', 'x'] });
    expect(exec?.clientKey).not.toBe(list?.clientKey);
    expect(Object.keys(exec ?? {}).sort()).toEqual(['clientKey', 'command', 'scope']);
  });
});

describe('ports', () => {
  it('of what is behind the device are reached from here', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await waitFor(() => server.address() !== null);
    const { port } = server.address() as { port: number };
    const probe = await ran(
      'edge-1',
      'exec',
      '--',
      'bash',
      '-c',
      `exec 3<>/dev/tcp/127.0.0.1/${port}; echo over >&3; head -1 <&3`,
    );
    expect(probe).toBe('over\n');
    server.close();
    truncateSync(here('big'), 0);
  });
});
