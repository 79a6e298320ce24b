import { createHash } from 'node:crypto';
import { type FileHandle, lstat, readdir, readlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { type FileAnswer, type FileEntry, type FileRequest, frameTypes } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';
import { type ConfinedTree, reopen } from './confined-tree.js';
import { entryOf } from './entry.js';
import { FileFailure } from './file-failure.js';

export type Request<Op extends FileRequest['op']> = FileRequest & { readonly op: Op };
export type Answer = Omit<FileAnswer, 'id'>;

const pageEntries = 256;
/** JSON of a page, so that it fits a frame. */
const pageBytes = 60_000;
const maxNames = 1_000_000;
const chunkBytes = 65_536;
/** Files of /proc say that they are empty. */
const maxUnsizedBytes = 64 * 1024 * 1024;

export async function stat(tree: ConfinedTree, { path, followLinks }: Request<'stat'>): Promise<Answer> {
  const name = posix.basename(path);
  if (followLinks || posix.resolve('/', path) === '/')
    return tree.followed(path, async (opened) => ({ entry: await entryOf(name, await opened.stat()) }));
  return tree.within(path, async ({ at, name: own }) => ({ entry: await entryOf(own, await lstat(at), at) }));
}

export const readLink = (tree: ConfinedTree, { path }: Request<'readlink'>): Promise<Answer> =>
  tree.within(path, async ({ at }) => ({ target: await readlink(at) }));

/** Names of the folder that was listed last, so that its pages are of one moment, and read once. */
export class Lister {
  #listed: { readonly path: string; readonly names: readonly string[] } | undefined;

  constructor(private readonly tree: ConfinedTree) {}

  list({ path, after }: Request<'list'>): Promise<Answer> {
    return this.tree.followed(path, async (folder) => {
      const at = `/proc/self/fd/${folder.fd}`;
      const names = await this.#names(path, at, after !== undefined);
      const from = after === undefined ? 0 : firstAfter(names, after);
      const entries: FileEntry[] = [];
      let bytes = 0;
      for (const name of names.slice(from, from + pageEntries)) {
        const entry = await entryAt(`${at}/${name}`, name);
        if (entry === undefined) continue;
        bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
        if (bytes > pageBytes) break;
        entries.push(entry);
      }
      const last = entries.at(-1)?.name;
      return { entries, more: last !== undefined && last !== names.at(-1) };
    });
  }

  async #names(path: string, at: string, isNextPage: boolean): Promise<readonly string[]> {
    if (isNextPage && this.#listed?.path === path) return this.#listed.names;
    const names = await readdir(at);
    if (names.length > maxNames) throw new FileFailure('limit', `more than ${maxNames} entries`);
    names.sort(byCodeUnits);
    this.#listed = { path, names };
    return names;
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function firstAfter(names: readonly string[], after: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Undefined when it is gone since. */
async function entryAt(at: string, name: string): Promise<FileEntry | undefined> {
  try {
    return await entryOf(name, await lstat(at), at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // A name that is not UTF-8 was read as another one: it is told that there is something.
    const isOther = name.includes('\ufffd');
    return isOther ? { name, type: 'other', size: 0, mode: 0, mtimeMs: 0, uid: 0, gid: 0 } : undefined;
  }
}

/** Sends the file from `offset` on as far as it went when it was opened, and answers with the hash of what was sent. */
export function read(tree: ConfinedTree, { path, offset }: Request<'read'>, out: OutgoingFrames): Promise<Answer> {
  return tree.followed(path, async (opened, real) => {
    const stats = await opened.stat();
    if (stats.isDirectory()) throw new FileFailure('exists', 'it is a folder');
    if (!stats.isFile()) throw new FileFailure('unsupported', 'it is no regular file');
    const file = await reopen(opened);
    try {
      const until = stats.size === 0 ? maxUnsizedBytes : stats.size;
      const { bytes, sha256 } = await sendFile(file, offset, until, out);
      return { bytes, sha256, entry: await entryOf(posix.basename(real), await file.stat()) };
    } finally {
      await file.close();
    }
  });
}

async function sendFile(
  file: FileHandle,
  offset: number,
  until: number,
  out: OutgoingFrames,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let at = offset;
  while (at < until && !out.isOver) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, until - at), at);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    at += bytesRead;
    if (!out.send(frameTypes.data, chunk)) await out.room();
  }
  return { bytes: at - offset, sha256: hash.digest('hex') };
}
