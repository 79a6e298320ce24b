import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One file of the repository as a checkout holds it. `path` is relative to the root, with `/`. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly executable: boolean;
}

/** Something that must be mended. `line` counts from 1; 0 means the file as a whole. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export type Check = (tree: readonly TreeFile[]) => Finding[];

/**
 * Every file that git tracks or would track (new files are judged before they are added, ignored ones never).
 * Symbolic links are left out. Throws if `root` is not a git checkout.
 */
export function readTree(root: string): TreeFile[] {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listing.split('\0'))]
    .filter((name) => name !== '' && existsSync(path.join(root, name)))
    .sort()
    .flatMap((name) => {
      const status = lstatSync(path.join(root, name));
      if (!status.isFile()) return [];
      return [{ path: name, bytes: readFileSync(path.join(root, name)), executable: (status.mode & 0o100) !== 0 }];
    });
}

/** Git's own rule: a file with a zero byte near its start is not text. */
export const isBinary = (file: TreeFile): boolean => file.bytes.subarray(0, 8000).includes(0);

export const textOf = (file: TreeFile): string => file.bytes.toString('utf8');

export const isTypeScript = (file: TreeFile): boolean => /\.[mc]?tsx?$/.test(file.path);

export const isCode = (file: TreeFile): boolean => /\.([mc]?[jt]sx?|sh|css|html|sql)$/.test(file.path);

export const isTest = (file: TreeFile): boolean =>
  /\.(spec|contract|fixture)\.tsx?$|(^|\/)(test|testdata)\//.test(file.path);

/** Written once and never edited again, so their length says nothing. */
export const isMigration = (file: TreeFile): boolean => file.path.includes('/migrations/');

/** The line of the character at `offset`, from 1. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;
