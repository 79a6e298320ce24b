import type { Check, TreeFile } from './tree.js';

export const file = (path: string, text = 'text\n', executable = false): TreeFile => ({
  path,
  bytes: Buffer.from(text),
  executable,
});

/** A tree from `{path: text}`. */
export const tree = (files: Readonly<Record<string, string>>): TreeFile[] =>
  Object.entries(files).map(([path, text]) => file(path, text));

/** What a check says of a tree, one `path:line: message` each. */
export const findings = (check: Check, files: readonly TreeFile[]): string[] =>
  check(files).map(({ path, line, message }) => `${path}${line > 0 ? `:${line}` : ''}: ${message}`);
