import type { FileEntry } from '@gatehouse/session';

/** What is below a folder, by its path from there with slashes. */
export type Tree = ReadonlyMap<string, FileEntry>;

export type SyncStep =
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string; readonly entry: FileEntry }
  | { readonly kind: 'copy'; readonly path: string; readonly entry: FileEntry }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'attributes'; readonly path: string; readonly entry: FileEntry };

export interface SyncOptions {
  /** What is only at the target goes. */
  readonly deletes: boolean;
  /** Paths of files that are equal in size and differ, or that were found equal, by their content. */
  readonly sameContent?: ReadonlySet<string>;
  /** Folders of the target that must stay: what is excluded is in them. */
  readonly kept?: ReadonlySet<string>;
}

export interface SyncPlan {
  readonly steps: readonly SyncStep[];
  /** A file where a folder is to be, or the other way round, and nothing may be removed; what is neither. */
  readonly conflicts: readonly string[];
}

/** Some file systems keep whole seconds. */
export function sameTime(a: number, b: number): boolean {
  if (Math.abs(a - b) < 2) return true;
  const isWhole = a % 1_000 === 0 || b % 1_000 === 0;
  return isWhole && Math.floor(a / 1_000) === Math.floor(b / 1_000);
}

const byPath = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;
const depth = (path: string): number => path.split('/').length;

/**
 * What makes the target like the source: removals first, the deepest before what holds it, then folders from above, files and
 * links, and last the modes of folders, which may keep their owner from writing. Pure: nothing outside the two trees is named.
 */
export function planSync(source: Tree, target: Tree, options: SyncOptions): SyncPlan {
  const conflicts: string[] = [];
  const removed = new Set<string>();
  const makes: SyncStep[] = [];
  const modes: SyncStep[] = [];
  const { deletes, kept = new Set() } = options;
  const remove = (path: string) => {
    for (const each of target.keys())
      if (!kept.has(each) && (each === path || each.startsWith(`${path}/`))) removed.add(each);
  };
  for (const [path, entry] of [...source].sort(byPath)) {
    const there = target.get(path);
    const stands = there !== undefined && there.type !== entry.type;
    if (entry.type === 'other' || (stands && (!deletes || kept.has(path)))) {
      conflicts.push(path);
      continue;
    }
    if (conflicts.some((above) => path.startsWith(`${above}/`))) continue;
    if (stands) remove(path);
    const step = stepFor(path, entry, stands ? undefined : there, options);
    if (step) makes.push(step);
    if (entry.type === 'directory' && needsMode(entry, stands ? undefined : there))
      modes.unshift({ kind: 'attributes', path, entry });
  }
  if (deletes) for (const path of target.keys()) if (!source.has(path)) remove(path);
  const removals = [...removed].sort((a, b) => depth(b) - depth(a) || (a < b ? -1 : 1));
  return { steps: [...removals.map((path) => ({ kind: 'remove', path }) as const), ...makes, ...modes], conflicts };
}

/** A new folder has the mode that its owner can fill it with. */
const needsMode = ({ mode }: FileEntry, there: FileEntry | undefined): boolean =>
  there ? (there.mode & 0o777) !== (mode & 0o777) : (mode & 0o700) !== 0o700;

function stepFor(
  path: string,
  entry: FileEntry,
  there: FileEntry | undefined,
  { sameContent }: SyncOptions,
): SyncStep | undefined {
  if (entry.type === 'directory') return there ? undefined : { kind: 'folder', path, entry };
  if (entry.type === 'symlink') {
    const target = entry.target ?? '';
    return there?.target === target ? undefined : { kind: 'link', path, target };
  }
  if (!there || there.size !== entry.size) return { kind: 'copy', path, entry };
  const isSame = sameContent ? sameContent.has(path) : sameTime(there.mtimeMs, entry.mtimeMs);
  if (!isSame) return { kind: 'copy', path, entry };
  const isLike = (there.mode & 0o777) === (entry.mode & 0o777) && sameTime(there.mtimeMs, entry.mtimeMs);
  return isLike ? undefined : { kind: 'attributes', path, entry };
}
