import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { MountDirectory } from './mount-directory.js';

const folder = tempDir('mount-directory');
afterAll(() => folder.remove());
let count = 0;
function fresh(mode = 0o700): string {
  const path = join(folder.path, `d${count++}`);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}
const modeOf = (path: string) => statSync(path).mode & 0o7777;
const file = (name: string, text: string) => ({ name, bytes: Buffer.from(text) });
/** A process that is certainly not there. */
const nobody = 2 ** 31 - 1;

describe('a directory for secrets', () => {
  it.each<[string, (path: string) => void, string]>([
    ['missing', () => undefined, 'does not exist'],
    ['a file', (path) => writeFileSync(path, ''), 'is no directory'],
    ['a link to a directory', (path) => symlinkSync(fresh(), path), 'is a link'],
    ['a link to nothing', (path) => symlinkSync('nothing', path), 'is a link'],
    ['a directory that everybody may write', (path) => mkdirSync(path) ?? chmodSync(path, 0o777), 'written by others'],
    [
      'a sticky one that everybody may write',
      (path) => mkdirSync(path) ?? chmodSync(path, 0o1777),
      'written by others',
    ],
    ['a directory that a group may write', (path) => mkdirSync(path) ?? chmodSync(path, 0o770), 'written by others'],
  ])('is not %s', (_name, make, words) => {
    const path = join(folder.path, `bad${count++}`);
    make(path);
    const before = existsSync(path) ? modeOf(path) : 0;
    expect(() => MountDirectory.open(path)).toThrow(words);
    expect(existsSync(path) ? modeOf(path) : 0).toBe(before);
  });

  it("is not somebody else's", () => {
    const path = fresh();
    if (process.getuid?.() === 0) chownSync(path, 65534, 65534);
    const open = () => MountDirectory.open(process.getuid?.() === 0 ? path : '/etc');
    expect(open).toThrow('belongs to another user');
  });

  it('is not where others may put another in its place', () => {
    const parent = fresh(0o777);
    mkdirSync(join(parent, 'd'));
    expect(() => MountDirectory.open(join(parent, 'd'))).toThrow('put another in its place');
    chmodSync(parent, 0o1777);
    expect(() => MountDirectory.open(join(parent, 'd'))).not.toThrow();
  });

  it('gets mode 0700, and its files 0400 with the exact bytes', () => {
    const path = fresh(0o755);
    const bytes = Buffer.from([0, 255, 10, 13, 10]);
    MountDirectory.open(path).putAll([{ name: 'A', bytes }, file('B', '')]);
    expect(modeOf(path)).toBe(0o700);
    expect(readdirSync(path).sort()).toEqual(['A.secret', 'B.secret']);
    expect(modeOf(join(path, 'A.secret'))).toBe(0o400);
    expect(readFileSync(join(path, 'A.secret')).equals(bytes)).toBe(true);
    expect(readFileSync(join(path, 'B.secret'))).toHaveLength(0);
  });

  it('gets all secrets or none', () => {
    const path = fresh();
    writeFileSync(join(path, 'OLD.secret'), 'old');
    // The second name is taken by a directory.
    mkdirSync(join(path, 'B.secret'));
    const directory = MountDirectory.open(path);
    expect(() => directory.putAll([file('A', 'a'), file('OLD', 'new'), file('B', 'b')])).toThrow('is no file');
    expect(readdirSync(path).sort()).toEqual(['B.secret', 'OLD.secret']);
    expect(readFileSync(join(path, 'OLD.secret'), 'utf8')).toBe('old');
  });

  it('is left as it was when one of the drafts cannot be written', () => {
    const path = fresh();
    const directory = MountDirectory.open(path);
    // Laid there by somebody after the directory was opened.
    const elsewhere = join(fresh(), 'elsewhere');
    writeFileSync(elsewhere, 'as it was');
    symlinkSync(elsewhere, join(path, `.B.secret.${process.pid}.new`));
    expect(() => directory.putAll([file('A', 'a'), file('B', 'b')])).toThrow('EEXIST');
    expect(readdirSync(path)).toEqual([`.B.secret.${process.pid}.new`]);
    expect(() => directory.put(file('B', 'b'))).toThrow('EEXIST');
    expect(readFileSync(elsewhere, 'utf8')).toBe('as it was');
  });

  it('never takes a name that leads elsewhere', () => {
    const directory = MountDirectory.open(fresh());
    for (const name of ['../A', 'a/b', '', '.', 'a-b', 'x'.repeat(129)])
      expect(() => directory.putAll([file(name, 'x')])).toThrow(RangeError);
  });

  it('replaces a link by a file only where it may: a link is no file', () => {
    const path = fresh();
    const target = join(folder.path, 'target');
    writeFileSync(target, 'untouched');
    symlinkSync(target, join(path, 'A.secret'));
    expect(() => MountDirectory.open(path).put(file('A', 'secret'))).toThrow('is no file');
    expect(readFileSync(target, 'utf8')).toBe('untouched');
  });

  it('is cleaned of what a mount that is gone left unfinished, and of nothing else', () => {
    const path = fresh();
    const left = [`.A.secret.${nobody}.new`, `.A.secret.${process.pid}.new`];
    // A parent's id: a mount that still runs.
    const kept = [`.A.secret.${process.ppid}.new`, 'B.secret', 'notes.txt', '.A.secret.x.new'];
    for (const name of [...left, ...kept]) writeFileSync(join(path, name), 'x');
    MountDirectory.open(path);
    expect(readdirSync(path).sort()).toEqual([...kept].sort());
  });

  it('gives up what was mounted, and leaves the rest', () => {
    const path = fresh();
    const directory = MountDirectory.open(path);
    directory.putAll([file('A', 'a'), file('B', 'b')]);
    directory.remove(['A', 'MISSING']);
    expect(readdirSync(path)).toEqual(['B.secret']);
  });
});
