import {
  chmod,
  symlink as link,
  lstat,
  lutimes,
  mkdir as makeDirectory,
  rename as move,
  readdir,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { posix } from 'node:path';
import { type ConfinedTree, checked, openFolder, openName, type Place } from './confined-tree.js';
import { entryOf } from './entry.js';
import { FileFailure } from './file-failure.js';
import type { Answer, Request } from './read-operations.js';

/** Folders within folders that are removed at once: each is held open meanwhile. */
const maxDepth = 256;

export async function mkdir(tree: ConfinedTree, request: Request<'mkdir'>): Promise<Answer> {
  const { path, mode, parents } = request;
  if (parents) await makeParents(tree, posix.dirname(posix.normalize(checked(path))));
  return tree.within(path, async (place) => {
    const made = await makeDirectory(place.at).then(
      () => true,
      (error: NodeJS.ErrnoException) => existing(error, place, parents),
    );
    // As it was asked for, whatever the umask.
    if (made && mode !== undefined) await setMode(place, mode);
    return { entry: await entryOf(place.name, await lstat(place.at), place.at) };
  });
}

async function makeParents(tree: ConfinedTree, path: string): Promise<void> {
  const isThere = await tree.followed(path, async (opened) => (await opened.stat()).isDirectory()).catch(isMissing);
  if (isThere) return;
  const above = posix.dirname(path);
  if (above !== path) await makeParents(tree, above);
  await tree.within(path, (place) => makeDirectory(place.at).catch((error) => existing(error, place, true)));
}

function isMissing(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT') return false;
  throw error;
}

async function existing(error: NodeJS.ErrnoException, { at }: Place, isWelcome: boolean): Promise<false> {
  if (error.code === 'EEXIST' && isWelcome && (await lstat(at)).isDirectory()) return false;
  throw error;
}

/** The link is made wherever it leads: to follow it is another question, asked of whoever does. */
export const symlink = (tree: ConfinedTree, { path, target }: Request<'symlink'>): Promise<Answer> =>
  tree.within(path, async ({ at }) => {
    if (target.includes('\0')) throw new FileFailure('protocol', 'no path can hold a NUL');
    await link(target, at);
    return {};
  });

export const rename = (tree: ConfinedTree, { path, to }: Request<'rename'>): Promise<Answer> =>
  tree.within(path, (from) =>
    tree.within(to, async (target) => {
      await move(from.at, target.at);
      return {};
    }),
  );

export const remove = (tree: ConfinedTree, { path, recursive }: Request<'remove'>): Promise<Answer> =>
  tree.within(path, async ({ at }) => {
    const stats = await lstat(at);
    if (!stats.isDirectory()) await unlink(at);
    else {
      if (recursive) await empty(at, 1);
      await rmdir(at);
    }
    return {};
  });

/** Folder by folder, each held open and none reached through a link: one that is swapped for a link meanwhile is an error. */
async function empty(at: string, depth: number): Promise<void> {
  if (depth > maxDepth) throw new FileFailure('limit', `folders are more than ${maxDepth} deep`);
  const folder = await openFolder(at);
  try {
    const here = `/proc/self/fd/${folder.fd}`;
    for (const entry of await readdir(here, { withFileTypes: true })) {
      const inner = `${here}/${entry.name}`;
      if (!entry.isDirectory()) await unlink(inner);
      else {
        await empty(inner, depth + 1);
        await rmdir(inner);
      }
    }
  } finally {
    await folder.close();
  }
}

/** What was asked for is there afterwards, or an error is. */
export const setattr = (tree: ConfinedTree, { path, mode, mtimeMs }: Request<'setattr'>): Promise<Answer> =>
  tree.within(path, async (place) => {
    if (mode !== undefined) await setMode(place, mode);
    if (mtimeMs !== undefined) await lutimes(place.at, mtimeMs / 1_000, mtimeMs / 1_000);
    const stats = await lstat(place.at);
    if (mode !== undefined && (stats.mode & 0o7777) !== mode)
      throw new FileFailure('unsupported', 'the file system does not keep that mode');
    return { entry: await entryOf(place.name, stats, place.at) };
  });

/** A link has no mode of its own, and that of its target is not meant. */
async function setMode({ at }: Place, mode: number): Promise<void> {
  const opened = await openName(at);
  try {
    if ((await opened.stat()).isSymbolicLink()) throw new FileFailure('unsupported', 'a link has no mode');
    await chmod(`/proc/self/fd/${opened.fd}`, mode);
  } finally {
    await opened.close();
  }
}
