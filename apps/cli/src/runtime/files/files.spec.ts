import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type FileAnswer, type FileEntry, frameTypes } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { testHost } from '../host.fixture.js';
import { TestClient } from '../stream/client.fixture.js';
import { serveFiles } from './serve-files.js';

let test: ReturnType<typeof testHost>;
let home: string;
beforeEach(() => {
  test = testHost();
  home = test.host.account.home;
});
afterEach(() => test.end());

const here = (name: string) => join(home, name);
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const resume = () => randomBytes(16).toString('hex');
const left = () => readdirSync(home).filter((name) => name.startsWith('.gatehouse-'));

class Files extends TestClient {
  #id = 0;
  constructor(paths: readonly string[] = ['.'], write = true, actions = ['device.files.read', 'device.files.write']) {
    super(
      serveFiles(test.host),
      { kind: 'files' },
      {
        scope: { kind: 'files', paths: [...paths], write },
        actions: actions as never,
      },
    );
  }

  begin(request: object): number {
    this.#id += 1;
    this.json(frameTypes.message, { id: this.#id, ...request });
    return this.#id;
  }

  answer(id: number): Promise<FileAnswer> {
    return waitFor(() => this.messages<FileAnswer>(frameTypes.message).find((one) => one.id === id), {
      message: () => `answer ${id}; ${JSON.stringify(this.one(frameTypes.error))}`,
    });
  }

  ask(request: object): Promise<FileAnswer> {
    return this.answer(this.begin(request));
  }

  async code(request: object): Promise<string | undefined> {
    return (await this.ask(request)).error?.code;
  }

  upload(
    path: string,
    bytes: Uint8Array,
    more: { size?: number; offset?: number; resume: string },
  ): Promise<FileAnswer> {
    const offset = more.offset ?? 0;
    const id = this.begin({ op: 'write', path, size: bytes.length, offset, ...more });
    for (let at = offset; at < bytes.length; at += 65_536) this.send(bytes.subarray(at, at + 65_536));
    this.eof();
    return this.answer(id);
  }

  commit(
    path: string,
    bytes: Uint8Array,
    more: { resume: string; overwrite?: boolean; mode?: number; mtimeMs?: number },
  ) {
    return this.ask({ op: 'commit', path, sha256: sha256(bytes), overwrite: true, ...more });
  }
}

describe('reading', () => {
  it('what a file is, and what a link is; never one for the other', async () => {
    writeFileSync(here('file'), 'content', { mode: 0o640 });
    symlinkSync('file', here('link'));
    const files = new Files();
    const { entry } = await files.ask({ op: 'stat', path: 'file', followLinks: false });
    expect(entry).toMatchObject({ name: 'file', type: 'file', size: 7, mode: 0o640 });
    expect((await files.ask({ op: 'stat', path: 'link', followLinks: false })).entry).toMatchObject({
      ...{ type: 'symlink', target: 'file' },
    });
    expect((await files.ask({ op: 'stat', path: 'link', followLinks: true })).entry).toMatchObject({
      type: 'file',
      size: 7,
    });
    expect((await files.ask({ op: 'readlink', path: 'link' })).target).toBe('file');
    expect(await files.code({ op: 'stat', path: 'none', followLinks: true })).toBe('not_found');
  });

  it('the bytes from any place on, with the hash of what was sent', async () => {
    const bytes = randomBytes(3_000_000);
    writeFileSync(here('big'), bytes);
    const files = new Files();
    const whole = await files.ask({ op: 'read', path: 'big', offset: 0 });
    expect(whole).toMatchObject({ bytes: bytes.length, sha256: sha256(bytes), entry: { size: bytes.length } });
    expect(files.bytes().equals(bytes)).toBe(true);
    const rest = await files.ask({ op: 'read', path: 'big', offset: 2_999_990 });
    expect(rest).toMatchObject({ bytes: 10, sha256: sha256(bytes.subarray(2_999_990)) });
    expect(await files.ask({ op: 'read', path: 'big', offset: 9_000_000 })).toMatchObject({ bytes: 0 });
  });

  it('a pipe, a device and a folder are refused and hold nothing up', async () => {
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkfifo', [here('pipe')]);
    const files = new Files(['.', '/dev']);
    expect(await files.code({ op: 'read', path: 'pipe', offset: 0 })).toBe('unsupported');
    expect(await files.code({ op: 'read', path: '/dev/zero', offset: 0 })).toBe('unsupported');
    expect(await files.code({ op: 'read', path: '.', offset: 0 })).toBe('exists');
  });

  it('a folder in pages, each entry once', async () => {
    mkdirSync(here('many'));
    const names = Array.from({ length: 600 }, (_, i) => `${'x'.repeat(200)}${String(i).padStart(4, '0')}`);
    for (const name of names) writeFileSync(join(here('many'), name), '');
    const files = new Files();
    const seen: string[] = [];
    for (let after: string | undefined; ; after = seen.at(-1)) {
      const page = await files.ask({ op: 'list', path: 'many', ...(after !== undefined && { after }) });
      seen.push(...(page.entries as FileEntry[]).map(({ name }) => name));
      if (!page.more) break;
    }
    expect(seen).toEqual(names);
  });
});

describe('an upload', () => {
  const bytes = randomBytes(700_000);

  it('is there whole or not at all, with mode and time, and leaves nothing else', async () => {
    writeFileSync(here('target'), 'before');
    const files = new Files();
    const one = { resume: resume() };
    expect(await files.upload('target', bytes, one)).toMatchObject({ bytes: bytes.length });
    expect(readFileSync(here('target'), 'utf8')).toBe('before');
    const { entry } = await files.commit('target', bytes, { ...one, mode: 0o750, mtimeMs: 1_500_000_000_000 });
    expect(entry).toMatchObject({ name: 'target', mode: 0o750, mtimeMs: 1_500_000_000_000 });
    expect(readFileSync(here('target')).equals(bytes)).toBe(true);
    expect([statSync(here('target')).mode & 0o777, statSync(here('target')).mtimeMs]).toEqual([
      0o750, 1_500_000_000_000,
    ]);
    expect(left()).toEqual([]);
  });

  it('that broke off goes on where it was, in another session', async () => {
    const one = { resume: resume() };
    const first = new Files();
    first.begin({ op: 'write', path: 'resumed', size: bytes.length, offset: 0, ...one });
    first.send(bytes.subarray(0, 50_000));
    first.send(bytes.subarray(50_000, 80_000));
    await waitFor(() => left().length === 1 && statSync(here(left()[0] ?? '')).size === 80_000);
    expect(statSync(here(left()[0] ?? '')).mode & 0o777).toBe(0o600);
    first.stream.reset({ code: 'cancelled' });
    first.revoke();
    const second = new Files();
    const partial = await waitFor(async () => {
      const answer = await second.ask({ op: 'partial', path: 'resumed', ...one });
      return answer.error === undefined && answer;
    });
    expect(partial).toMatchObject({ bytes: 80_000, sha256: sha256(bytes.subarray(0, 80_000)) });
    const rest = await waitFor(async () => {
      const answer = await second.upload('resumed', bytes, { ...one, offset: 80_000 });
      return answer.error?.code !== 'busy' && answer;
    });
    expect(rest).toMatchObject({ bytes: bytes.length });
    await second.commit('resumed', bytes, one);
    expect(readFileSync(here('resumed')).equals(bytes)).toBe(true);
  });

  it('that nobody goes on with is removed after a week, and nothing that only has its place', async () => {
    const { unfinished } = test.host;
    const [old, young, done] = [{ resume: resume() }, { resume: resume() }, { resume: resume() }];
    const files = new Files();
    for (const [name, one] of Object.entries({ old, young, done })) await files.upload(name, bytes, one);
    await files.commit('done', bytes, done);
    const at = ({ resume: id }: typeof old) => here(`.gatehouse-${id}.part`);
    const week = 7 * 24 * 3_600_000;
    expect(await unfinished.sweep(Date.now() + week / 2)).toBe(0);
    utimesSync(at(young), Date.now() / 1_000 + 600, Date.now() / 1_000 + 600);
    expect(await unfinished.sweep(Date.now() + week + 60_000)).toBe(1);
    expect([existsSync(at(old)), existsSync(at(young)), existsSync(here('done'))]).toEqual([false, true, true]);
    rmSync(at(young));
    symlinkSync(here('done'), at(young));
    expect(await unfinished.sweep(Date.now() + 2 * week)).toBe(0);
    expect([existsSync(here('done')), readdirSync(join(test.host.folder, 'uploads'))]).toEqual([true, []]);
    rmSync(at(young));
  });

  it('whose hash is another one is thrown away', async () => {
    const files = new Files();
    const one = { resume: resume() };
    await files.upload('spoiled', bytes, one);
    const answer = await files.ask({ op: 'commit', path: 'spoiled', sha256: sha256('other'), overwrite: true, ...one });
    expect(answer.error).toMatchObject({ code: 'io', detail: expect.stringContaining('hash') });
    expect([existsSync(here('spoiled')), left()]).toEqual([false, []]);
  });

  it('does not replace what it was not to replace', async () => {
    writeFileSync(here('kept'), 'mine');
    const files = new Files();
    const one = { resume: resume() };
    await files.upload('kept', bytes, one);
    expect((await files.commit('kept', bytes, { ...one, overwrite: false })).error?.code).toBe('exists');
    expect(readFileSync(here('kept'), 'utf8')).toBe('mine');
    expect((await files.commit('new', bytes, { ...one, overwrite: false })).error?.code).toBe(undefined);
  });

  it('larger than the disk is refused before a byte of it is written', async () => {
    const files = new Files();
    const id = files.begin({ op: 'write', path: 'huge', size: 2 ** 52, offset: 0, resume: resume() });
    files.send('x');
    files.eof();
    expect((await files.answer(id)).error).toMatchObject({
      code: 'io',
      detail: expect.stringContaining('disk is full'),
    });
    expect(left()).toEqual([]);
    // The stream goes on with the next request.
    expect(await files.code({ op: 'stat', path: '.', followLinks: true })).toBeUndefined();
  });

  it('of more bytes than were announced is refused, and what follows is understood', async () => {
    const files = new Files();
    expect((await files.upload('long', bytes, { size: 10, resume: resume() })).error?.code).toBe('protocol');
    expect(await files.code({ op: 'stat', path: 'long', followLinks: true })).toBe('not_found');
  });

  it('to a name that somebody laid in its way does not touch what it leads to', async () => {
    writeFileSync(here('victim'), 'mine');
    const files = new Files();
    const [a, b] = [resume(), resume()];
    symlinkSync('victim', here(`.gatehouse-${a}.part`));
    linkSync(here('victim'), here(`.gatehouse-${b}.part`));
    expect((await files.upload('x', bytes, { resume: a })).error?.code).toBe('permission');
    expect((await files.upload('x', bytes, { resume: b })).error?.code).toBe('permission');
    expect(readFileSync(here('victim'), 'utf8')).toBe('mine');
  });

  it('over a link replaces the link', async () => {
    writeFileSync(here('behind'), 'mine');
    symlinkSync('behind', here('over'));
    const files = new Files();
    const one = { resume: resume() };
    await files.upload('over', bytes, one);
    await files.commit('over', bytes, one);
    expect([lstatSync(here('over')).isFile(), readFileSync(here('behind'), 'utf8')]).toEqual([true, 'mine']);
  });

  it('is written by one at a time', async () => {
    const [first, second] = [new Files(), new Files()];
    const one = { resume: resume() };
    first.begin({ op: 'write', path: 'twice', size: bytes.length, offset: 0, ...one });
    first.send('first');
    await waitFor(() => left().length === 1 && statSync(here(left()[0] ?? '')).size === 5);
    expect((await second.upload('twice', bytes, one)).error?.code).toBe('busy');
    expect(statSync(here(left()[0] ?? '')).size).toBe(5);
  });
});

describe('changes', () => {
  it('folders, links and names', async () => {
    const files = new Files();
    expect((await files.ask({ op: 'mkdir', path: 'a/b/c', parents: true, mode: 0o711 })).entry).toMatchObject({
      mode: 0o711,
    });
    expect(await files.code({ op: 'mkdir', path: 'a/b/c', parents: true })).toBeUndefined();
    expect(await files.code({ op: 'mkdir', path: 'a/b/c', parents: false })).toBe('exists');
    expect(await files.code({ op: 'symlink', path: 'a/link', target: 'b/c' })).toBeUndefined();
    expect(readlinkSync(here('a/link'))).toBe('b/c');
    expect(await files.code({ op: 'rename', path: 'a/link', to: 'a/moved' })).toBeUndefined();
    expect(await files.code({ op: 'remove', path: 'a', recursive: false })).toBe('exists');
    expect(await files.code({ op: 'remove', path: 'a', recursive: true })).toBeUndefined();
    expect(existsSync(here('a'))).toBe(false);
  });

  it('a link is removed, never what it leads to, not even by a recursive one', async () => {
    mkdirSync(here('kept'));
    writeFileSync(here('kept/file'), 'mine');
    mkdirSync(here('gone'));
    symlinkSync('../kept', here('gone/link'));
    symlinkSync('kept', here('link'));
    const files = new Files();
    expect(await files.code({ op: 'remove', path: 'link', recursive: true })).toBeUndefined();
    expect(await files.code({ op: 'remove', path: 'gone', recursive: true })).toBeUndefined();
    expect([existsSync(here('gone')), existsSync(here('link')), readFileSync(here('kept/file'), 'utf8')]).toEqual([
      ...[false, false, 'mine'],
    ]);
  });

  it('mode and time are applied, or an error says so', async () => {
    writeFileSync(here('f'), '');
    symlinkSync('f', here('l'));
    const files = new Files();
    const { entry } = await files.ask({ op: 'setattr', path: 'f', mode: 0o4755, mtimeMs: 1_234_567_890_000 });
    expect(entry).toMatchObject({ mode: 0o4755, mtimeMs: 1_234_567_890_000 });
    expect(statSync(here('f')).mode & 0o7777).toBe(0o4755);
    expect(await files.code({ op: 'setattr', path: 'l', mode: 0o777 })).toBe('unsupported');
    await files.ask({ op: 'setattr', path: 'l', mtimeMs: 1_000_000_000_000 });
    expect([lstatSync(here('l')).mtimeMs, statSync(here('f')).mtimeMs]).toEqual([1_000_000_000_000, 1_234_567_890_000]);
  });
});

describe('an attacker does not get out of what was granted', () => {
  beforeEach(() => {
    mkdirSync(here('in/deep'), { recursive: true });
    mkdirSync(here('out'));
    writeFileSync(here('out/secret'), 'secret');
    writeFileSync(here('in/own'), 'own');
    symlinkSync('../out', here('in/folder-link'));
    symlinkSync('../out/secret', here('in/file-link'));
    symlinkSync('deep', here('in/inner-link'));
  });

  it.each([
    ['by going up', { op: 'read', path: 'in/../out/secret', offset: 0 }],
    ['by an absolute path', { op: 'read', path: '/etc/passwd', offset: 0 }],
    ['by a link to a file', { op: 'read', path: 'in/file-link', offset: 0 }],
    ['by a link to a folder', { op: 'read', path: 'in/folder-link/secret', offset: 0 }],
    ['by asking what a link leads to', { op: 'stat', path: 'in/file-link', followLinks: true }],
    ['by listing behind a link', { op: 'list', path: 'in/folder-link' }],
    ['by a name that begins alike', { op: 'mkdir', path: 'inside', parents: false }],
    ['by making folders behind a link', { op: 'mkdir', path: 'in/folder-link/x/y', parents: true }],
    ['by moving out', { op: 'rename', path: 'in/own', to: 'out/own' }],
    ['by moving in', { op: 'rename', path: 'out/secret', to: 'in/secret' }],
    ['by removing behind a link', { op: 'remove', path: 'in/folder-link/secret', recursive: false }],
    ['by attributes behind a link', { op: 'setattr', path: 'in/folder-link/secret', mode: 0 }],
    ['by a partial file behind a link', { op: 'partial', path: 'in/folder-link/x', resume: 'a'.repeat(32) }],
    ['by the process it talks to', { op: 'read', path: '/proc/self/environ', offset: 0 }],
  ])('%s', async (_name, request) => {
    const files = new Files(['in']);
    expect(await files.code(request)).toBe('not_granted');
    expect([readFileSync(here('out/secret'), 'utf8'), readdirSync(here('out')), files.bytes().length]).toEqual([
      ...['secret', ['secret'], 0],
    ]);
  });

  it('by an upload', async () => {
    const files = new Files(['in']);
    const one = { resume: resume() };
    expect((await files.upload('in/folder-link/x', Buffer.from('x'), one)).error?.code).toBe('not_granted');
    expect((await files.commit('out/x', Buffer.from('x'), one)).error?.code).toBe('not_granted');
    expect(readdirSync(here('out'))).toEqual(['secret']);
  });

  it('by a link on the way to what was granted', async () => {
    const files = new Files(['in/folder-link/secret']);
    expect(await files.end()).toMatchObject({ code: 'permission', detail: expect.stringContaining('is a link') });
  });

  it('by a link that is what was granted: it can be looked at, not followed', async () => {
    const files = new Files(['in/file-link']);
    expect((await files.ask({ op: 'readlink', path: 'in/file-link' })).target).toBe('../out/secret');
    expect(await files.code({ op: 'read', path: 'in/file-link', offset: 0 })).toBe('not_granted');
  });

  it('by swapping a folder for a link while it is used', async () => {
    const files = new Files(['in']);
    // Renamed back and forth meanwhile: whatever is found is either the folder or a refusal.
    let isOver = false;
    const swapping = (async () => {
      while (!isOver) {
        renameSync(here('in/deep'), here('in/away'));
        symlinkSync('../out', here('in/deep'));
        await new Promise(setImmediate);
        const { unlinkSync } = await import('node:fs');
        unlinkSync(here('in/deep'));
        renameSync(here('in/away'), here('in/deep'));
        await new Promise(setImmediate);
      }
    })();
    for (let i = 0; i < 150; i++) {
      const answer = await files.ask({ op: 'read', path: 'in/deep/secret', offset: 0 });
      expect(['not_granted', 'not_found']).toContain(answer.error?.code);
    }
    isOver = true;
    await swapping;
    expect(files.bytes().length).toBe(0);
  });

  it('while links that stay inside are followed', async () => {
    writeFileSync(here('in/deep/file'), 'deep');
    const files = new Files(['in']);
    await files.ask({ op: 'read', path: 'in/inner-link/file', offset: 0 });
    expect(files.text()).toBe('deep');
  });
});

describe('what the grant does not allow', () => {
  it.each([
    ['a scope that does not write', new Array(2).fill('device.files.read'), false],
    ['an action that is not there', ['device.files.read'], true],
  ])('%s changes nothing', async (_name, actions, write) => {
    writeFileSync(here('own'), 'own');
    const files = new Files(['.'], write, actions);
    const changes = [
      { op: 'mkdir', path: 'x', parents: false },
      { op: 'remove', path: 'own', recursive: false },
      { op: 'rename', path: 'own', to: 'x' },
      { op: 'setattr', path: 'own', mode: 0 },
      { op: 'symlink', path: 'x', target: 'own' },
      { op: 'commit', path: 'x', sha256: '0'.repeat(64), overwrite: true, resume: resume() },
    ];
    for (const change of changes) expect(await files.code(change)).toBe('not_granted');
    expect((await files.upload('x', Buffer.from('x'), { resume: resume() })).error?.code).toBe('not_granted');
    await files.ask({ op: 'read', path: 'own', offset: 0 });
    expect([readdirSync(home), files.text()]).toEqual([['own'], 'own']);
  });

  it('who may only write reads nothing', async () => {
    writeFileSync(here('own'), 'own');
    const files = new Files(['.'], true, ['device.files.write']);
    expect(await files.code({ op: 'read', path: 'own', offset: 0 })).toBe('not_granted');
    expect(await files.code({ op: 'list', path: '.' })).toBe('not_granted');
  });

  it('what is no request ends the stream', async () => {
    const files = new Files();
    files.json(frameTypes.message, { id: 1, op: 'chown', path: 'x' });
    expect(await files.end()).toMatchObject({ code: 'protocol' });
  });
});
