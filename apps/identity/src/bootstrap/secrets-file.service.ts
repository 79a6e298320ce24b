import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { safeParse } from '@gatehouse/schema';
import type { z } from 'zod';

/**
 * The only place where new secrets stand in plain text. It is durable before anything made of them is stored, so that
 * no crash leaves a stored fingerprint whose secret nobody has; who finds the file goes on with the secrets in it.
 *
 * @throws Error for a file that others may read, or that is not of this shape; the text repeats nothing of it
 */
export function readSecrets<T>(path: string, shape: z.ZodType<T>): T | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  if ((statSync(path).mode & 0o077) !== 0) throw new Error(`${path} can be read by others: chmod 600 it`);
  const parsed = safeParse(shape, parseJson(text));
  if (!parsed.success) throw new Error(`${path} is not a file that this command wrote: choose another`);
  return parsed.data;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The secrets in the file, made with `make()` if there is none: of two commands that race, both go on with one's. */
export function ensureSecrets<T extends object>(path: string, shape: z.ZodType<T>, make: () => T): T {
  const found = readSecrets(path, shape);
  if (found !== undefined) return found;
  try {
    writeSecrets(path, make());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const written = readSecrets(path, shape);
  if (written === undefined) throw new Error(`${path} was removed while it was written`);
  return written;
}

/**
 * Writes a new file of mode 0600. COMMIT POINT: the hard link; before it there is no file, after it a whole one, and of
 * two writers one wins. @throws Error with code `EEXIST` when there is one
 */
function writeSecrets(path: string, secrets: object): void {
  const folder = dirname(resolve(path));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    writeDurably(draft, `${JSON.stringify(secrets, undefined, 2)}\n`);
    linkSync(draft, path);
    syncFolder(folder);
  } finally {
    rmSync(draft, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
