import { createHash } from 'node:crypto';
import type { FileEntry } from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';
import { type FileSide, type Source, SourceChanged, type WriteWish } from './file-side.js';
import { hashPrefix } from './local-side.js';
import type { Progress } from './progress.js';

export interface CopyContext {
  readonly from: FileSide;
  readonly to: FileSide;
  readonly progress: Progress;
  readonly overwrite: boolean;
  /** Told of what is neither file, folder nor link. */
  readonly skipped: (path: string) => void;
}

/** Asking for what an earlier attempt left costs a round trip: not worth it below. */
const resumeFromBytes = 1024 * 1024;

/**
 * Copies one file with its mode and time: into a file beside its target, which is put in its place when its hash is right.
 * The same file again goes on from what an earlier attempt left.
 */
export async function copyFile(context: CopyContext, source: string, entry: FileEntry, target: string): Promise<void> {
  const { from, to, progress, overwrite } = context;
  const wish: WriteWish = {
    path: target,
    size: entry.size,
    resume: resumeName(from, source, entry, target),
    attributes: { mode: entry.mode & 0o777, mtimeMs: entry.mtimeMs },
    overwrite,
  };
  const offset = await resumeFrom(context, source, wish);
  progress.begin(to.baseName(target), entry.size, offset);
  const read: Source = async (at, take) => {
    let position = at;
    const { bytes, entry: now } = await from.read(source, at, async (chunk) => {
      progress.moved(at === offset ? chunk.length : 0);
      const room = Math.max(0, entry.size - position);
      position += chunk.length;
      if (room > 0) await take(chunk.subarray(0, room));
    });
    // What has grown, as logs do, is copied as far as it went.
    const isSame = now && now.size >= entry.size && now.size > entry.size === (now.mtimeMs !== entry.mtimeMs);
    if (!isSame || position < entry.size || (position > entry.size && now.size === entry.size))
      throw new SourceChanged(`${from.label}${source}`);
    return { bytes };
  };
  try {
    await to.write(wish, offset, read);
  } catch (error) {
    // Its name is made of the size and the time that are no more: no later attempt goes on with it.
    if (error instanceof SourceChanged) await to.discard(wish).catch(() => undefined);
    throw error;
  }
  progress.end();
}

/** The same for the same file as it is now: another size or time is another file. */
function resumeName({ label }: FileSide, source: string, { size, mtimeMs }: FileEntry, target: string): string {
  return createHash('sha256')
    .update(JSON.stringify([label, source, size, mtimeMs, target]))
    .digest('hex')
    .slice(0, 32);
}

/**
 * Where the copy goes on. What was written from here is compared by its hash; what came from a device is believed by its
 * size and time, and its rest is hashed on both sides. From device to device nobody in between knows the hash: from the start.
 */
async function resumeFrom({ from, to }: CopyContext, source: string, wish: WriteWish): Promise<number> {
  if (wish.size < resumeFromBytes || !(from.keepsHash || to.keepsHash)) return 0;
  const { bytes, sha256 } = await to.partial(wish);
  if (bytes === 0 || bytes > wish.size) return 0;
  if (sha256 === undefined) return bytes;
  return (await hashPrefix(source, bytes)) === sha256 ? bytes : 0;
}

/** Copies a folder and all below it; links as links. @returns how many files */
export async function copyTree(
  context: CopyContext,
  source: string,
  folder: FileEntry,
  target: string,
): Promise<number> {
  const { from, to } = context;
  const isNew = await ownFolder(to, target, folder.mode);
  let files = 0;
  for await (const entry of from.list(source)) {
    const [at, into] = [from.join(source, entry.name), to.join(target, entry.name)];
    if (entry.type === 'directory') {
      files += await copyTree(context, at, entry, into);
    } else if (entry.type === 'file') {
      await copyFile(context, at, entry, into);
      files++;
    } else if (entry.type === 'symlink' && entry.target !== undefined) await copyLink(context, entry.target, into);
    else context.skipped(`${from.label}${at}`);
  }
  // Into a folder that was there is no reason to change what it is.
  if (isNew) await to.setAttributes(target, { mode: folder.mode & 0o777, mtimeMs: folder.mtimeMs });
  return files;
}

/**
 * Makes the folder unless it is there. A link in its place could lead anywhere: it is not followed. It is for no more than
 * `mode` says before anything is in it, and for its owner to write until all is.
 *
 * @returns whether it was made
 */
export async function ownFolder(side: FileSide, path: string, mode: number): Promise<boolean> {
  const there = await side.stat(path, false);
  if (there === undefined) {
    await side.mkdir(path);
    await side.setAttributes(path, { mode: (mode & 0o777) | 0o700 });
    return true;
  }
  if (there.type !== 'directory')
    throw new Failure(
      exitCodes.negative,
      `${side.label}${path} is there, and no folder${there.type === 'symlink' ? ': links are not followed' : ''}`,
    );
  return false;
}

export async function copyLink({ to, overwrite }: CopyContext, target: string, at: string): Promise<void> {
  const there = await to.stat(at, false);
  if (there?.type === 'symlink' && there.target === target) return;
  if (there !== undefined) {
    if (!overwrite || there.type === 'directory')
      throw new Failure(exitCodes.negative, `${to.label}${at} is there already`);
    await to.remove(at);
  }
  await to.symlink(at, target);
}
