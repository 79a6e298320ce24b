import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, lutimes, realpath, truncate } from 'node:fs/promises';
import type { Attributes, InputAttributes } from 'ssh2';

/** What a client wishes of what stands at a path; links are followed. */
export async function setByPath(path: string, wish: InputAttributes): Promise<void> {
  const { size, uid, gid, mode: bits } = wish;
  const [accessed, modified] = [seconds(wish.atime), seconds(wish.mtime)];
  if (size !== undefined) await truncate(path, size);
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
  if (bits !== undefined) await chmod(path, Number(bits) & 0o777);
  if (modified !== undefined) await lutimes(await realpath(path), accessed ?? modified, modified);
}

export async function setByHandle(file: FileHandle, wish: InputAttributes): Promise<void> {
  const { size, uid, gid, mode: bits } = wish;
  const [accessed, modified] = [seconds(wish.atime), seconds(wish.mtime)];
  if (size !== undefined) await file.truncate(size);
  if (uid !== undefined && gid !== undefined) await file.chown(uid, gid);
  if (bits !== undefined) await file.chmod(Number(bits) & 0o777);
  if (modified !== undefined) await file.utimes(accessed ?? modified, modified);
}

const seconds = (time: number | Date | undefined): number | undefined =>
  typeof time === 'object' ? time.getTime() / 1_000 : time;

/** As the protocol has them: times in seconds. */
export const attributesOf = (stats: Stats): Attributes => ({
  ...{ mode: stats.mode, uid: stats.uid, gid: stats.gid, size: stats.size },
  ...{ atime: Math.floor(stats.atimeMs / 1_000), mtime: Math.floor(stats.mtimeMs / 1_000) },
});

/** As `ls -l` has it: what `sftp` shows. */
export function longName(name: string, stats: Stats): string {
  const type = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-';
  const bits = [...'rwxrwxrwx'].map((letter, i) => (stats.mode & (0o400 >> i) ? letter : '-')).join('');
  const when = stats.mtime.toISOString().slice(0, 16).replace('T', ' ');
  return `${type}${bits} ${stats.nlink} ${stats.uid} ${stats.gid} ${String(stats.size).padStart(10)} ${when} ${name}`;
}
