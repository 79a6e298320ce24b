import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, statfs, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { frameTypes } from '@gatehouse/session';
import type { Frame } from '../stream/incoming-frames.js';
import type { ConfinedTree, Place } from './confined-tree.js';
import { entryOf } from './entry.js';
import { FileFailure } from './file-failure.js';
import type { Answer, Request } from './read-operations.js';
import type { Unfinished } from './unfinished.js';

const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_DIRECTORY } = constants;
const chunkBytes = 1024 * 1024;
/** Partial files that somebody writes at this moment, of all sessions: `<device>:<inode>`. */
const inUse = new Set<string>();
/** What a file gets that nobody said a mode for. */
const defaultMode = 0o644;

const partialOf = ({ folder }: Place, resume: string): string => `/proc/self/fd/${folder.fd}/.gatehouse-${resume}.part`;

/** The same by its path, for whoever comes later. */
const whereOf = ({ real }: Place, resume: string): string =>
  posix.join(posix.dirname(real), `.gatehouse-${resume}.part`);

/** Uploads of one session: each into a file beside its target, which only a commit puts in its place. */
export class Uploads {
  /** Hashes of what this session wrote, so that a commit need not read it again; by `resume`. */
  readonly #hashes = new Map<string, { readonly bytes: number; readonly sha256: string }>();

  constructor(
    private readonly tree: ConfinedTree,
    private readonly unfinished: Unfinished,
  ) {}

  /** Takes `data` frames to the `eof`, always to the `eof`: what follows is the next request. */
  async write(request: Request<'write'>, frames: AsyncIterator<Frame>): Promise<Answer> {
    const { path, resume } = request;
    const rest = { isOver: false };
    try {
      return await this.tree.within(path, (place) => this.#write(place, request, frames, rest));
    } catch (error) {
      this.#hashes.delete(resume);
      while (!rest.isOver) rest.isOver = isLast(await frames.next());
      throw error;
    }
  }

  async #write(
    place: Place,
    { size, offset, resume }: Request<'write'>,
    frames: AsyncIterator<Frame>,
    rest: { isOver: boolean },
  ): Promise<Answer> {
    if (offset > size) throw new FileFailure('protocol', 'the offset is behind the end');
    const at = partialOf(place, resume);
    await refuseFolder(place);
    await checkSpace(place, size - offset);
    const file = await openPartial(at);
    // Not being able to note it is no reason to refuse it.
    await this.unfinished.began(whereOf(place, resume)).catch(() => undefined);
    const release = await claim(file);
    try {
      const hash = await keepUpTo(file, offset);
      const written = await takeIn(file, { at: offset, size, hash, frames, rest });
      this.#hashes.set(resume, { bytes: written, sha256: hash.digest('hex') });
      return { bytes: written };
    } catch (error) {
      // Whoever fills a disk leaves nothing of it behind.
      if (!(error instanceof FileFailure)) await unlink(at).catch(() => undefined);
      throw error;
    } finally {
      release();
      await file.close();
    }
  }

  partial({ path, resume }: Request<'partial'>): Promise<Answer> {
    return this.tree.within(path, async (place) => {
      const file = await open(partialOf(place, resume), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(absent);
      if (file === undefined) return { bytes: 0 };
      try {
        const { size } = await regular(file);
        return { bytes: size, sha256: (await hashOf(file, size)).digest('hex') };
      } finally {
        await file.close();
      }
    });
  }

  commit(request: Request<'commit'>): Promise<Answer> {
    return this.tree.within(request.path, async (place) => {
      const at = partialOf(place, request.resume);
      const file = await open(at, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
      try {
        const release = await claim(file);
        try {
          await this.#finish(place, request, file, at);
        } finally {
          release();
        }
        await this.unfinished.over(whereOf(place, request.resume)).catch(() => undefined);
        return { entry: await entryOf(place.name, await file.stat()) };
      } finally {
        await file.close();
      }
    });
  }

  async #finish(place: Place, request: Request<'commit'>, file: FileHandle, at: string): Promise<void> {
    const { resume, sha256, mode, mtimeMs, overwrite } = request;
    const { size } = await regular(file);
    const known = this.#hashes.get(resume);
    this.#hashes.delete(resume);
    const actual = known?.bytes === size ? known.sha256 : (await hashOf(file, size)).digest('hex');
    if (actual !== sha256) {
      await unlink(at);
      throw new FileFailure('io', 'what arrived is not what was sent: its hash is another one');
    }
    const target = await refuseFolder(place);
    await file.chmod(mode ?? (target?.isFile() ? target.mode & 0o777 : defaultMode));
    if (mtimeMs !== undefined) await file.utimes(mtimeMs / 1_000, mtimeMs / 1_000);
    // Durable before it has its name: a power cut leaves the old content or the new one.
    await file.sync();
    await putInPlace(at, place, overwrite);
    await syncFolder(place);
  }
}

async function takeIn(
  file: FileHandle,
  upload: { at: number; size: number; hash: Hash; frames: AsyncIterator<Frame>; rest: { isOver: boolean } },
): Promise<number> {
  const { size, hash, frames, rest } = upload;
  let { at } = upload;
  for (;;) {
    const next = await frames.next();
    if (isLast(next)) {
      rest.isOver = true;
      return at;
    }
    const { type, payload } = next.value as Frame;
    if (type !== frameTypes.data) throw new FileFailure('protocol', 'a request within a write');
    if (at + payload.length > size) throw new FileFailure('protocol', 'more bytes than were announced');
    hash.update(payload);
    for (let done = 0; done < payload.length; )
      done += (await file.write(payload, done, payload.length - done, at + done)).bytesWritten;
    at += payload.length;
  }
}

const isLast = (next: IteratorResult<Frame, unknown>): boolean =>
  next.done === true || next.value.type === frameTypes.eof;

async function openPartial(at: string): Promise<FileHandle> {
  const file = await open(at, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    await regular(file);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A file of ours with one name: nothing that somebody linked there to have it overwritten. */
async function regular(file: FileHandle): Promise<{ readonly size: number }> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.nlink > 1 || stats.uid !== process.geteuid?.())
    throw new FileFailure('permission', 'something else has the name of the unfinished file');
  return stats;
}

async function claim(file: FileHandle): Promise<() => void> {
  const { dev, ino } = await file.stat();
  const key = `${dev}:${ino}`;
  if (inUse.has(key)) throw new FileFailure('busy', 'it is being written already');
  inUse.add(key);
  return () => inUse.delete(key);
}

async function keepUpTo(file: FileHandle, offset: number): Promise<Hash> {
  const { size } = await file.stat();
  if (size < offset) throw new FileFailure('protocol', `only ${size} bytes of an earlier attempt are there`);
  await file.truncate(offset);
  return hashOf(file, offset);
}

async function hashOf(file: FileHandle, size: number): Promise<Hash> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size || 1));
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash;
}

/** Before gigabytes are on their way; the disk can still fill up meanwhile. */
async function checkSpace({ folder }: Place, wanted: number): Promise<void> {
  const { bavail, bsize } = await statfs(`/proc/self/fd/${folder.fd}`);
  if (wanted > bavail * bsize)
    throw new FileFailure('io', `the disk is full: ${wanted} bytes are wanted, ${bavail * bsize} are free`);
}

async function refuseFolder({ at }: Place): Promise<Stats | undefined> {
  const target = await lstat(at).catch(absent);
  if (target?.isDirectory()) throw new FileFailure('exists', 'it is a folder');
  return target;
}

/** The commit point. Without `overwrite` the name is given by a link, which fails where there is one. */
async function putInPlace(partial: string, { at }: Place, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(partial, at);
  await link(partial, at);
  await unlink(partial);
}

async function syncFolder({ folder }: Place): Promise<void> {
  const opened = await open(`/proc/self/fd/${folder.fd}`, O_RDONLY | O_DIRECTORY);
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
