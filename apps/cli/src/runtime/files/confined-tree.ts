import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import { FileFailure } from './file-failure.js';

/** Opens a name and nothing behind it; `fs.constants` of Node lacks it. Of open(2), on every architecture we run on. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants;

/** Links directly in these are the system's: `/var/run`, `/lib`. Those elsewhere may be of whom a grant is to keep out. */
const systemFolders = new Set(['/', '/var']);

/** A name in a folder that is held open: what is done to `at` happens there, whatever becomes of the path meanwhile. */
export interface Place {
  readonly folder: FileHandle;
  readonly name: string;
  /** `/proc/self/fd/<folder>/<name>`: for calls that do not follow a link at the end. */
  readonly at: string;
  /** Where it is, links resolved. */
  readonly real: string;
}

/**
 * The part of the file system that a grant opens. Each path is resolved by the kernel while a folder is held open, and it is
 * asked where that folder is: no link, and no change between check and use, leads out of what was granted.
 */
export class ConfinedTree {
  private constructor(
    private readonly home: string,
    private readonly roots: readonly string[],
  ) {}

  /** @param paths absolute, or relative to `home` */
  static async open(paths: readonly string[], home: string): Promise<ConfinedTree> {
    // Whoever set the account up may have put its home behind a link.
    const base = await realpath(home).catch(() => home);
    return new ConfinedTree(base, await Promise.all(paths.map((path) => rootOf(posix.resolve(base, checked(path))))));
  }

  /** Calls `use` with the place of a path; its parent has to be there, itself it need not. */
  async within<T>(path: string, use: (place: Place) => Promise<T>): Promise<T> {
    const full = posix.resolve(this.home, checked(path));
    if (full === '/') throw new FileFailure('permission', 'the root of the file system has no name');
    const folder = await open(posix.dirname(full), O_PATH | O_DIRECTORY);
    try {
      const name = posix.basename(full);
      const parent = await whereIs(folder);
      const real = parent === '/' ? `/${name}` : `${parent}/${name}`;
      this.#check(real);
      return await use({ folder, name, at: `/proc/self/fd/${folder.fd}/${name}`, real });
    } finally {
      await folder.close();
    }
  }

  /** Calls `use` with what a path leads to in the end, links followed as far as the grant reaches; `O_PATH`: nothing is read. */
  async followed<T>(path: string, use: (opened: FileHandle, real: string) => Promise<T>): Promise<T> {
    const opened = await open(posix.resolve(this.home, checked(path)), O_PATH);
    try {
      const real = await whereIs(opened);
      this.#check(real);
      return await use(opened, real);
    } finally {
      await opened.close();
    }
  }

  #check(real: string): void {
    if (!this.roots.some((root) => real === root || root === '/' || real.startsWith(`${root}/`)))
      throw new FileFailure('not_granted', 'that is not below what was granted');
  }
}

/** The same file or folder again, to read it. Without waiting: a pipe that nobody writes must not hold a thread. */
export const reopen = (opened: FileHandle): Promise<FileHandle> =>
  open(`/proc/self/fd/${opened.fd}`, O_RDONLY | O_NONBLOCK);

/** A folder by its name in a folder that is held open, never through a link. */
export const openFolder = (at: string): Promise<FileHandle> => open(at, O_PATH | O_DIRECTORY | O_NOFOLLOW);

/** Whatever has the name, a link itself, without reading it. */
export const openName = (at: string): Promise<FileHandle> => open(at, O_PATH | O_NOFOLLOW);

export function checked(path: string): string {
  if (path.includes('\0')) throw new FileFailure('protocol', 'no path can hold a NUL');
  if (path === '~') return '.';
  return path.startsWith('~/') ? path.slice(2) || '.' : path;
}

const whereIs = (opened: FileHandle): Promise<string> => readlink(`/proc/self/fd/${opened.fd}`);

/**
 * Where a granted path is. The decision was about the path as it reads: a link on it could have been laid by somebody who may
 * write there and nowhere else.
 */
async function rootOf(path: string): Promise<string> {
  let real = '/';
  const names = path.split('/').filter((name) => name !== '');
  for (const [i, name] of names.entries()) {
    const next = posix.join(real, name);
    const found = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    // What is not there yet is taken as it reads.
    if (found === undefined) return posix.join(real, ...names.slice(i));
    if (!found.isSymbolicLink()) real = next;
    else if (systemFolders.has(real)) real = await realpath(next);
    // The link itself may be looked at; what it leads to has to be asked for by its own name.
    else if (i === names.length - 1) return next;
    else throw new FileFailure('permission', `"${next}" is a link: ask for what it leads to`);
  }
  return real;
}
