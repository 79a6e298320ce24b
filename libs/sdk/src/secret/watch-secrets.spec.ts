import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type SecretWatch, watchSecrets } from './watch-secrets.js';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const { close } of open.splice(0)) close();
});

function start(names: string[], prepare: (path: string) => void = () => undefined) {
  const folder = tempDir('sdk-watch');
  prepare(folder.path);
  const changes: string[] = [];
  const errors: string[] = [];
  const watching: SecretWatch = watchSecrets(
    folder.path,
    names,
    ({ name, bytes }) => changes.push(`${name}=${bytes.toString('utf8')}`),
    { onError: (error, name) => errors.push(`${name}: ${(error as NodeJS.ErrnoException).code}`), pollMs: 100 },
  );
  open.push(watching, { close: folder.remove });
  const replace = (name: string, content: string) => {
    const draft = join(folder.path, `.${name}.new`);
    writeFileSync(draft, content);
    renameSync(draft, join(folder.path, `${name}.secret`));
  };
  return { path: folder.path, changes, errors, replace, watching };
}
const put = (name: string, content: string) => (path: string) => writeFileSync(join(path, `${name}.secret`), content);

describe('watching mounted secrets', () => {
  it('tells of each that was replaced, with its exact bytes, and of no other', async () => {
    const { changes, replace } = start(['A'], put('A', 'one'));
    replace('B', 'other');
    replace('A', 'two \n');
    await waitFor(() => changes.length > 0, { message: 'the change is told' });
    replace('A', 'two \n');
    replace('A', 'three');
    await waitFor(() => changes.at(-1) === 'A=three', { message: 'the next change is told' });
    expect(changes).toEqual(['A=two \n', 'A=three']);
  });

  it('tells of a file that comes later, and once of one that goes', async () => {
    const { path, changes, errors, replace } = start(['A']);
    expect(errors).toEqual(['A: ENOENT']);
    replace('A', 'one');
    await waitFor(() => changes.length === 1, { message: 'it came' });
    rmSync(join(path, 'A.secret'));
    await waitFor(() => errors.length === 2, { message: 'it went' });
    replace('A', 'two');
    await waitFor(() => changes.length === 2, { message: 'it came again' });
    expect({ changes, errors }).toEqual({ changes: ['A=one', 'A=two'], errors: ['A: ENOENT', 'A: ENOENT'] });
  });

  it('follows a link to a folder that is switched, as Kubernetes mounts secrets', async () => {
    const { path, changes } = start(['A'], (folder) => {
      for (const [name, content] of [
        ['..1', 'one'],
        ['..2', 'two'],
      ] as const)
        writeFileSync(join(folder, name), content);
      symlinkSync('..1', join(folder, '..data'));
      symlinkSync('..data', join(folder, 'A.secret'));
    });
    symlinkSync('..2', join(path, '..draft'));
    renameSync(join(path, '..draft'), join(path, '..data'));
    await waitFor(() => changes.length === 1, { message: 'the switch is told' });
    expect(changes).toEqual(['A=two']);
  });

  it('is over after close, and refuses names that lead elsewhere', async () => {
    const { path, changes, replace, watching } = start(['A'], put('A', 'one'));
    const other = start(['A'], put('A', 'one'));
    watching.close();
    replace('A', 'two');
    other.replace('A', 'two');
    await waitFor(() => other.changes.length === 1, { message: 'the one that still watches' });
    expect(changes).toEqual([]);
    expect(() => watchSecrets(path, ['../A'], () => undefined)).toThrow(RangeError);
  });

  it('survives whoever listens', async () => {
    const folder = tempDir('sdk-watch');
    put('A', 'one')(folder.path);
    const errors: string[] = [];
    const broken = () => {
      throw new Error('listener');
    };
    const watching = watchSecrets(folder.path, ['A'], broken, { onError: ({ message }) => errors.push(message) });
    open.push(watching, { close: folder.remove });
    put('A', 'two')(folder.path);
    await waitFor(() => errors.includes('listener'), { message: 'the error is told' });
  });
});
