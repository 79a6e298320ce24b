import path from 'node:path';

export const repositoryRoot = path.join(import.meta.dirname, '../../..');

/** The scripts in tools/ run before anything is compiled, so they are plain JavaScript without declarations. */
export async function loadTool<T>(name: string): Promise<T> {
  return (await import(path.join(repositoryRoot, 'tools', name))) as T;
}
