import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileEntry } from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';
import {
  type FileAttributes,
  type FileSide,
  isUnreadable,
  type Partial,
  type Source,
  SourceChanged,
  type WriteWish,
} from './file-side.js';

const chunkBytes = 65_536;
const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** Files here. */
export class LocalSide implements FileSide {
  readonly label = '';
  readonly keepsHash = true;

  join(folder: string, name: string): string {
    return join(folder, name);
  }

  baseName(path: string): string {
    return basename(path);
  }

  async stat(path: string, followLinks: boolean): Promise<FileEntry | undefined> {
    return told(path, async () => entryOf(basename(path), await (followLinks ? stat : lstat)(path), path)).catch(
      absent,
    );
  }

  async *list(path: string): AsyncIterable<FileEntry> {
    for await (const { name } of await told(path, () => opendir(path))) {
      const at = join(path, name);
      const entry = await told(at, async () => entryOf(name, await lstat(at), at)).catch(absent);
      if (entry) yield entry;
      else if (isUnreadable(name)) yield { name, type: 'other', size: 0, mode: 0, mtimeMs: 0, uid: 0, gid: 0 };
    }
  }

  /** As far as the file went when it was opened. */
  async read(path: string, offset: number, take: (chunk: Uint8Array) => Promise<void>) {
    const file = await told(path, () => open(path, O_RDONLY | O_NONBLOCK));
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new Failure(exitCodes.usage, `${path} is no regular file`);
      const bytes = await readOn(file, offset, stats.size, take);
      return { bytes, entry: await entryOf(basename(path), await file.stat(), path) };
    } finally {
      await file.close();
    }
  }

  async partial(wish: WriteWish): Promise<Partial> {
    const found = await lstat(partialOf(wish)).catch(absent);
    return { bytes: found?.isFile() ? found.size : 0 };
  }

  async write(wish: WriteWish, offset: number, source: Source): Promise<void> {
    const { path, size } = wish;
    const at = partialOf(wish);
    const file = await told(path, () => open(at, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600));
    try {
      await ownAlone(file, at);
      await file.truncate(offset);
      let position = offset;
      await source(offset, async (chunk) => {
        if (position + chunk.length > size) throw new SourceChanged(path);
        for (let done = 0; done < chunk.length; )
          done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
        position += chunk.length;
      }).catch((error: unknown) => {
        throw spaceLeft(error, at);
      });
      if (position !== size) throw new SourceChanged(path);
      await finish(file, wish);
    } finally {
      await file.close();
    }
    await told(path, () => putInPlace(at, wish));
    await syncFolder(dirname(path));
  }

  async discard(wish: WriteWish): Promise<void> {
    await rm(partialOf(wish), { force: true });
  }

  async mkdir(path: string): Promise<void> {
    await told(path, () => mkdir(path));
  }

  async symlink(path: string, target: string): Promise<void> {
    await told(path, () => symlink(target, path));
  }

  async remove(path: string): Promise<void> {
    await told(path, async () => ((await lstat(path)).isDirectory() ? rmdir(path) : unlink(path)));
  }

  async setAttributes(path: string, { mode, mtimeMs }: FileAttributes): Promise<void> {
    // Both follow links: only for what is known to be none.
    if (mode !== undefined) await told(path, () => chmod(path, mode));
    if (mtimeMs !== undefined) await told(path, () => utimes(path, mtimeMs / 1_000, mtimeMs / 1_000));
  }

  close(): void {
    // Nothing is held open between calls.
  }
}

const partialOf = ({ path, resume }: WriteWish): string => join(dirname(path), `.gatehouse-${resume}.part`);

async function readOn(
  file: FileHandle,
  offset: number,
  until: number,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<number> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let at = offset;
  while (at < until) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, until - at), at);
    if (bytesRead === 0) break;
    at += bytesRead;
    await take(buffer.subarray(0, bytesRead));
  }
  return at - offset;
}

async function entryOf(name: string, stats: Stats, path: string): Promise<FileEntry> {
  const type = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'symlink'
        : 'other';
  return {
    ...{
      name,
      type,
      size: stats.size,
      mode: stats.mode & 0o7777,
      mtimeMs: stats.mtimeMs,
      uid: stats.uid,
      gid: stats.gid,
    },
    ...(type === 'symlink' && { target: await readlink(path) }),
  };
}

/** A file of ours with one name: nothing that somebody linked there to have it overwritten. */
async function ownAlone(file: FileHandle, at: string): Promise<void> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.nlink > 1 || stats.uid !== process.geteuid?.())
    throw new Failure(exitCodes.usage, `something else is at ${at}`);
}

/** Durable before it has its name. */
async function finish(file: FileHandle, { attributes: { mode, mtimeMs } }: WriteWish): Promise<void> {
  // Never a program that runs as its owner because the other side says so.
  if (mode !== undefined) await file.chmod(mode & 0o777);
  if (mtimeMs !== undefined) await file.utimes(mtimeMs / 1_000, mtimeMs / 1_000);
  await file.sync();
}

/** The commit point. */
async function putInPlace(at: string, { path, overwrite }: WriteWish): Promise<void> {
  const there = await lstat(path).catch(absent);
  if (there?.isDirectory()) throw new Failure(exitCodes.negative, `${path} is a folder`);
  if (overwrite) return rename(at, path);
  await link(at, path);
  await unlink(at);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Whoever fills a disk leaves nothing of it behind. */
function spaceLeft(error: unknown, at: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  void rm(at, { force: true });
  return new Failure(exitCodes.unavailable, 'the disk here is full');
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EEXIST: 'it is there already',
  ENOTDIR: 'a part of the path is no folder',
  EISDIR: 'it is a folder',
  ENOTEMPTY: 'the folder is not empty',
  ELOOP: 'it is a link',
};

class LocalFailure extends Failure {
  constructor(
    readonly code: string | undefined,
    path: string,
  ) {
    super(exitCodes.negative, `${path}: ${reasons[code ?? ''] ?? code}`);
  }
}

async function told<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw error instanceof Failure || code === undefined ? error : new LocalFailure(code, path);
  }
}

function absent(error: { readonly code?: string }): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Of the first bytes of a file: whether an earlier attempt holds the same. */
export async function hashPrefix(path: string, bytes: number): Promise<string> {
  const hash: Hash = createHash('sha256');
  const file = await told(path, () => open(path, O_RDONLY | O_NONBLOCK));
  try {
    await readOn(file, 0, bytes, async (chunk) => {
      hash.update(chunk);
    });
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
