import type { BigIntStats, Stats } from 'node:fs';
import { readlink } from 'node:fs/promises';
import type { FileEntry } from '@gatehouse/session';

/** @param at where `readlink` finds it, for the target of a link */
export async function entryOf(name: string, stats: Stats, at?: string): Promise<FileEntry> {
  const type = typeOf(stats);
  const target = type === 'symlink' && at !== undefined ? await readlink(at).catch(() => undefined) : undefined;
  return {
    ...{ name, type, size: stats.size, mode: stats.mode & 0o7777, mtimeMs: stats.mtimeMs },
    ...{ uid: stats.uid, gid: stats.gid },
    ...(target !== undefined && { target }),
  };
}

export function typeOf(stats: Stats | BigIntStats): FileEntry['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
