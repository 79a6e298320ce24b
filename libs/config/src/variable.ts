import { closeSync, openSync, readSync } from 'node:fs';
import type { ConfigProblem } from './errors.js';

/** The environment as Node gives it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What `X` or `X_FILE` holds: nothing, a text, or a problem worth reporting. */
export type Variable = { readonly value: string | undefined } | ConfigProblem;

const MAX_FILE_BYTES = 64 * 1024;

/**
 * Reads variable `name`, or the file that `<name>_FILE` names (the convention of Docker and Kubernetes secrets).
 * One trailing line break of a file is dropped, because editors and `echo` add one.
 *
 * @returns `{ value }`, or `{ variable, problem }` when both are set or the file cannot be used
 * @example readVariable({ PEPPER_FILE: '/run/secrets/pepper' }, 'PEPPER') // { value: '…' }
 */
export function readVariable(env: Environment, name: string): Variable {
  const fileVariable = `${name}_FILE`;
  const path = env[fileVariable];
  if (path === undefined) return { value: env[name] };
  if (env[name] !== undefined) return { variable: name, problem: `is set together with ${fileVariable}; set one` };
  if (path === '') return { variable: fileVariable, problem: 'is empty' };
  try {
    return readBounded(path, fileVariable);
  } catch (error) {
    return { variable: fileVariable, problem: `names a file that cannot be read (${errorCode(error)})` };
  }
}

/** Reads at most the bound: a wrong path such as /dev/zero must not fill the memory at start. */
function readBounded(path: string, variable: string): Variable {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
      if (length > MAX_FILE_BYTES) return { variable, problem: `names a file larger than ${MAX_FILE_BYTES} bytes` };
    }
    return { value: buffer.toString('utf8', 0, length).replace(/\r?\n$/, '') };
  } finally {
    closeSync(file);
  }
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'unknown reason';
}
