import { createHash } from 'node:crypto';
import type { FileEntry } from '@gatehouse/session';
import ignore, { type Ignore } from 'ignore';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { type FileSide, isUnreadable } from '../files/file-side.js';
import type { Tree } from './plan.js';

const maxEntries = 1_000_000;
const unfinished = /^\.gatehouse-[0-9a-f]{32}\.part$/;

/** gitignore's patterns, from the folder that is synchronised. @throws Failure for one that excludes nothing or everything above */
export function excluderOf(patterns: readonly string[]): Ignore {
  const bad = patterns.find((pattern) => pattern.trim() === '' || pattern.startsWith('#'));
  if (bad !== undefined) throw usageFailure(`--exclude "${bad}" is no pattern`);
  return ignore().add([...patterns]);
}

export interface Scanned {
  readonly tree: Tree;
  /** Folders that hold something excluded: they are not empty, whatever else is removed. */
  readonly kept: ReadonlySet<string>;
}

/** Everything below a folder but what is excluded and what is still being written. Links are entries, never ways. */
export async function scan(side: FileSide, root: string, excluded: Ignore): Promise<Scanned> {
  const found = new Map<string, FileEntry>();
  const kept = new Set<string>();
  const waiting = [{ path: root, below: '' }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for await (const entry of side.list(next.path)) {
      const path = `${next.below}${entry.name}`;
      const isFolder = entry.type === 'directory';
      if (unfinished.test(entry.name) || excluded.ignores(isFolder ? `${path}/` : path)) {
        for (const folder of foldersAbove(path)) kept.add(folder);
        continue;
      }
      if (found.size >= maxEntries)
        throw new Failure(exitCodes.unavailable, `more than ${maxEntries} entries below ${side.label}${root}`);
      found.set(path, entry);
      // Nobody can remove what nobody can name.
      if (entry.type === 'other' && isUnreadable(entry.name))
        for (const each of [path, ...foldersAbove(path)]) kept.add(each);
      if (isFolder) waiting.push({ path: side.join(next.path, entry.name), below: `${path}/` });
    }
  }
  return { tree: found, kept };
}

const foldersAbove = (path: string): string[] => {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
};

/** Files of the same size on both sides that hold the same. Reads them all, on a device through its channel. */
export async function sameContent(
  from: { readonly side: FileSide; readonly path: string; readonly tree: Tree },
  to: { readonly side: FileSide; readonly path: string; readonly tree: Tree },
): Promise<Set<string>> {
  const same = new Set<string>();
  for (const [path, entry] of from.tree) {
    const there = to.tree.get(path);
    if (entry.type !== 'file' || there?.type !== 'file' || there.size !== entry.size) continue;
    if ((await hashOf(from.side, below(from, path))) === (await hashOf(to.side, below(to, path)))) same.add(path);
  }
  return same;
}

export const below = ({ side, path: root }: { readonly side: FileSide; readonly path: string }, path: string): string =>
  path.split('/').reduce((folder, name) => side.join(folder, name), root);

async function hashOf(side: FileSide, path: string): Promise<string> {
  const hash = createHash('sha256');
  await side.read(path, 0, async (chunk) => {
    hash.update(chunk);
  });
  return hash.digest('hex');
}
