import type { FileEntry } from '@gatehouse/session';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planSync, type SyncStep, sameTime, type Tree } from './plan.js';

const entry = (name: string, given: Partial<FileEntry> = {}): FileEntry => ({
  ...{ name, type: 'file', size: 1, mode: 0o644, mtimeMs: 1_000_500, uid: 0, gid: 0 },
  ...given,
});
const tree = (...entries: [string, Partial<FileEntry>?][]): Tree =>
  new Map(entries.map(([path, given]) => [path, entry(path.split('/').at(-1) ?? '', given)]));
const folder = { type: 'directory', mode: 0o755 } as const;
const told = (steps: readonly SyncStep[]) => steps.map(({ kind, path }) => `${kind} ${path}`);
const plan = (source: Tree, target: Tree, deletes = false) => planSync(source, target, { deletes });

describe('a plan', () => {
  it.each([
    ['nothing to do', tree(['a']), tree(['a']), []],
    ['a new file', tree(['a']), tree(), ['copy a']],
    ['another size', tree(['a', { size: 2 }]), tree(['a']), ['copy a']],
    ['another time', tree(['a', { mtimeMs: 9_000_000 }]), tree(['a']), ['copy a']],
    ['another mode alone', tree(['a', { mode: 0o755 }]), tree(['a']), ['attributes a']],
    [
      'a folder from above',
      tree(['d/e', folder], ['d', folder], ['d/e/f']),
      tree(),
      ['folder d', 'folder d/e', 'copy d/e/f'],
    ],
    [
      'a link that leads elsewhere',
      tree(['l', { type: 'symlink', target: 'b' }]),
      tree(['l', { type: 'symlink', target: 'a' }]),
      ['link l'],
    ],
    ['what is only there stays', tree(), tree(['old']), []],
    ['another mode of a folder', tree(['d', { ...folder, mode: 0o700 }]), tree(['d', folder]), ['attributes d']],
    [
      'folders that cannot be written to, once they are full',
      tree(['d', { ...folder, mode: 0o500 }], ['d/e', { ...folder, mode: 0o500 }], ['d/e/f']),
      tree(),
      ['folder d', 'folder d/e', 'copy d/e/f', 'attributes d/e', 'attributes d'],
    ],
  ] as const)('%s', (_name, source, target, steps) => expect(told(plan(source, target).steps)).toEqual(steps));

  it('removes the deepest first, and only what the target holds', () => {
    const target = tree(['keep'], ['d', folder], ['d/e', folder], ['d/e/f'], ['dx']);
    expect(told(plan(tree(['keep']), target, true).steps)).toEqual([
      'remove d/e/f',
      'remove d/e',
      'remove d',
      'remove dx',
    ]);
  });

  it('a folder stays that holds something excluded, and so does what it is in', () => {
    const target = tree(['d', folder], ['d/e', folder], ['d/a']);
    const kept = new Set(['d', 'd/e']);
    expect(told(planSync(tree(), target, { deletes: true, kept }).steps)).toEqual(['remove d/a']);
    expect(planSync(tree(['d']), target, { deletes: true, kept }).conflicts).toEqual(['d']);
  });

  it('a file in the place of a folder goes only when something may be removed', () => {
    const [source, target] = [tree(['d', folder], ['d/a']), tree(['d'])];
    expect(plan(source, target)).toEqual({ steps: [], conflicts: ['d'] });
    expect(told(plan(source, target, true).steps)).toEqual(['remove d', 'folder d', 'copy d/a']);
  });

  it('a folder in the place of a link is never written through it', () => {
    const [source, target] = [tree(['d', folder], ['d/a']), tree(['d', { type: 'symlink', target: '/etc' }])];
    expect(plan(source, target)).toEqual({ steps: [], conflicts: ['d'] });
    expect(told(plan(source, target, true).steps)).toEqual(['remove d', 'folder d', 'copy d/a']);
  });

  it('content counts before time when it was compared', () => {
    const [source, target] = [tree(['a', { mtimeMs: 5 }], ['b']), tree(['a'], ['b'])];
    const { steps } = planSync(source, target, { deletes: false, sameContent: new Set(['a']) });
    expect(told(steps)).toEqual(['attributes a', 'copy b']);
  });

  it('whole seconds are as exact as some file systems are', () => {
    expect([sameTime(1_500, 1_000), sameTime(1_500, 1_501), sameTime(1_500, 1_600), sameTime(1_000, 2_000)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('carried out, it makes the target the source; carried out again, it does nothing', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const paths = fc.array(fc.tuple(path, fc.integer({ min: 0, max: 2 })), { maxLength: 8 });
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [source, target] = [treeOf(a), treeOf(b)];
        const { steps, conflicts } = planSync(source, target, { deletes: true });
        const after = new Map(target);
        for (const step of steps) {
          if (step.kind === 'remove') {
            expect([...after.keys()].some((each) => each.startsWith(`${step.path}/`))).toBe(false);
            expect(after.delete(step.path)).toBe(true);
          } else {
            const above = step.path.split('/').slice(0, -1).join('/');
            if (above !== '') expect(after.get(above)?.type).toBe('directory');
            after.set(step.path, source.get(step.path) as FileEntry);
          }
        }
        expect(conflicts).toEqual([]);
        expect(after).toEqual(source);
        expect(planSync(source, after, { deletes: true }).steps).toEqual([]);
      }),
    );
  });
});

/** Files of these sizes, and the folders above them; a path below a file is left out. */
function treeOf(files: readonly (readonly [string, number])[]): Map<string, FileEntry> {
  const made = new Map<string, FileEntry>();
  for (const [path, size] of files) {
    const parts = path.split('/');
    const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
    if (above.some((each) => made.get(each)?.type === 'file') || made.has(path)) continue;
    for (const each of above) if (!made.has(each)) made.set(each, entry(each, { ...folder, size: 0 }));
    made.set(path, entry(path, { size }));
  }
  return new Map([...made].map(([path, each]) => [path, { ...each, name: path }]));
}
