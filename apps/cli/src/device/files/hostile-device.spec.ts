import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileEntry, type FileRequest, frameTypes } from '@gatehouse/session';
import { tempDir } from '@gatehouse/testing';
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { caller } from '../../world.fixture.js';
import { deviceServing, json, type Opened } from '../device.fixture.js';

/** A device that somebody else has taken over answers what it likes: nothing here may come of it but what was asked for. */

const folder = tempDir('cli-hostile');
afterAll(() => folder.remove());
const here = (...parts: string[]) => join(folder.path, ...parts);
let number = 0;
let target = '';
beforeEach(() => {
  target = here(`t${++number}`);
  mkdirSync(target);
});

const entry = (name: string, given: Partial<FileEntry> = {}): FileEntry => ({
  ...{ name, type: 'file', size: 4, mode: 0o644, mtimeMs: 1_000, uid: 0, gid: 0 },
  ...given,
});
const folderEntry = entry('d', { type: 'directory', mode: 0o755 });
const sha256 = (bytes: string) => createHash('sha256').update(bytes).digest('hex');

type Answers = (request: FileRequest, stream: Opened['stream']) => object | undefined;

/** Lists these names below whatever it is asked for, and gives four bytes for each file. */
const listing =
  (entries: readonly FileEntry[]): Answers =>
  (request, stream) => {
    if (request.op === 'stat') return { entry: folderEntry };
    if (request.op === 'list') return { entries, more: false };
    if (request.op !== 'read') return { error: { code: 'unsupported', detail: '' } };
    stream.send(frameTypes.data, Buffer.from('evil'));
    return { bytes: 4, sha256: sha256('evil'), entry: entry('x') };
  };

async function copyFrom(answers: Answers, argv: readonly string[] = ['cp', '-r', 'edge:d', target]) {
  const { dial } = deviceServing(({ stream }) => {
    stream.onFrame = (type, payload) => {
      if (type !== frameTypes.message) return;
      const request = json(payload) as FileRequest;
      const answer = answers(request, stream);
      if (answer) stream.sendJson(frameTypes.message, { id: request.id, ...answer });
    };
  });
  return caller(folder.path)(argv, {}, { dial: () => dial });
}

describe('a hostile device', () => {
  it.each(['../evil', '/etc/evil', '..', '.', '', 'a/b', 'a\0b'])('leads nowhere by the name %j', async (name) => {
    const before = readdirSync(folder.path).length;
    const ended = await copyFrom(listing([entry(name)]));
    expect(ended.exitCode).not.toBe(0);
    expect(readdirSync(folder.path)).toHaveLength(before);
    expect(readdirSync(join(target, 'd'))).toEqual([]);
  });

  it('gives a link, and behind it a folder of the same name, in vain', async () => {
    mkdirSync(here('victim'), { recursive: true });
    const link = entry('way', { type: 'symlink', target: here('victim') });
    const ended = await copyFrom(listing([link, entry('way', { type: 'directory' })]));
    expect(ended.exitCode).not.toBe(0);
    expect(readdirSync(here('victim'))).toEqual([]);
  });

  it('overwrites no file through a link that it laid before', async () => {
    writeFileSync(here('precious'), 'mine');
    await copyFrom(listing([entry('note', { type: 'symlink', target: here('precious') })]));
    expect(lstatSync(join(target, 'd', 'note')).isSymbolicLink()).toBe(true);
    const ended = await copyFrom(listing([entry('note')]));
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(readFileSync(here('precious'), 'utf8')).toBe('mine');
    expect(readFileSync(join(target, 'd', 'note'), 'utf8')).toBe('evil');
  });

  it('makes no program here that runs as its owner', async () => {
    expect(await copyFrom(listing([entry('su', { mode: 0o6755 })]))).toMatchObject({ exitCode: 0 });
    expect(lstatSync(join(target, 'd', 'su')).mode & 0o7777).toBe(0o755);
  });

  it('is not believed when its bytes are not those it says it sent, or are more than it announced', async () => {
    const lying =
      (more: object): Answers =>
      (request, stream) => {
        const answer = listing([entry('x')])(request, stream);
        return request.op === 'read' ? { ...answer, ...more } : answer;
      };
    expect(await copyFrom(lying({ sha256: sha256('good') }))).toMatchObject({ exitCode: 5 });
    expect(existsSync(join(target, 'd', 'x'))).toBe(false);
    expect((await copyFrom(listing([entry('x', { size: 3 })]))).exitCode).not.toBe(0);
    expect((await copyFrom(listing([entry('x', { size: 5 })]))).exitCode).not.toBe(0);
    expect(existsSync(join(target, 'd', 'x'))).toBe(false);
  });

  it('answers what nobody asked, or no JSON: that ends it', async () => {
    const odd: Answers = (_request, stream) => void stream.sendJson(frameTypes.message, { id: 99 });
    expect(await copyFrom(odd)).toMatchObject({ exitCode: 5, error: expect.stringContaining('nobody asked') });
    const noJson: Answers = (_request, stream) => void stream.send(frameTypes.message, Buffer.from('{'));
    expect((await copyFrom(noJson)).exitCode).toBe(5);
  });

  it('removes nothing here with what it lists to sync', async () => {
    writeFileSync(join(target, 'old'), '');
    const ended = await copyFrom(listing([entry('../evil')]), ['sync', 'edge:d', target, '--delete']);
    expect(ended.exitCode).not.toBe(0);
    expect(readdirSync(target)).toEqual(['old']);
  });

  it('writes nothing to the terminal that would be obeyed', async () => {
    const { out } = await copyFrom(listing([entry('a\u001b[2J\u009b1m')]), ['ls', 'edge:d']);
    expect(out).toContain('a\\u001b[2J\\u009b1m');
    const names = await copyFrom(listing([entry('a\u001b[2J\n\u009b1mb')]), ['ls', 'edge:d', '--names']);
    expect(names.out).toBe('a\\u001b[2J\\u000a\\u009b1mb\n');
  });
});
