import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CryptoError } from './crypto-error.js';

const maxFileBytes = 16_384;
const allowedModes: ReadonlySet<number> = new Set([0o600, 0o400]);

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function withFile<T>(path: string, flags: number, use: (fd: number) => T): T {
  const fd = openSync(path, flags, 0o600);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** What `fstat` says of an open key file: of the file and not of its path, so that what is checked is what is read. */
export interface FileFacts {
  readonly regular: boolean;
  readonly size: number;
  readonly mode: number;
  readonly owner: number;
}

/** Refuses a file that somebody other than user `self` or root may read or replace; `self` is undefined on Windows. */
export function refuseUnlessPrivate(path: string, facts: FileFacts, self: number | undefined): void {
  if (!facts.regular || facts.size > maxFileBytes) {
    throw new CryptoError('key_file_format', `${path} is not a key file`);
  }
  const mode = facts.mode & 0o7777;
  if (!allowedModes.has(mode)) {
    const found = mode.toString(8).padStart(4, '0');
    throw new CryptoError('key_file_permissions', `${path} has mode ${found}; it must be 0600 or 0400: chmod 600`);
  }
  if (self !== undefined && facts.owner !== self && facts.owner !== 0) {
    throw new CryptoError(
      'key_file_owner',
      `${path} belongs to user ${facts.owner}; it must belong to ${self} or root`,
    );
  }
}

function factsOf(fd: number): FileFacts {
  const stat = fstatSync(fd);
  return { regular: stat.isFile(), size: stat.size, mode: stat.mode, owner: stat.uid };
}

/**
 * The text of a file that only its owner, we or root, may read. Symbolic links are followed: secret mounts use them.
 * Throws `CryptoError` `key_file_missing`, `key_file_permissions`, `key_file_owner` or `key_file_format`.
 */
export function readPrivateFile(path: string): string {
  try {
    // Non-blocking, so that a pipe at this path is refused and not waited for.
    return withFile(path, constants.O_RDONLY | constants.O_NONBLOCK, (fd) => {
      refuseUnlessPrivate(path, factsOf(fd), process.getuid?.());
      return readFileSync(fd, 'utf8');
    });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new CryptoError('key_file_missing', `${path} does not exist`);
    if (codeOf(error) === 'EACCES') throw new CryptoError('key_file_permissions', `${path} cannot be read by us`);
    throw error;
  }
}

/** The entry of a new file, and of each folder made for it, is durable only when the folder around it is synced. */
function syncFolders(from: string, upTo: string): void {
  for (let folder = from; ; folder = dirname(folder)) {
    withFile(folder, constants.O_RDONLY, fsyncSync);
    if (folder === upTo || folder === dirname(folder)) return;
  }
}

/**
 * Makes a file of mode 0600 that did not exist, durable when this returns; new parents get 0700.
 *
 * Commit point: the hard link. A crash before it leaves a stray `.new` file, after it the whole key: never a short
 * file under the real name, and of two racing makers exactly one wins.
 * Throws `CryptoError` `key_file_exists`.
 */
export function createPrivateFile(path: string, text: string): void {
  const folder = resolve(dirname(path));
  const firstMade = mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    withFile(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, (fd) => {
      writeFileSync(fd, text);
      fsyncSync(fd);
    });
    linkSync(draft, path);
    syncFolders(folder, firstMade === undefined ? folder : dirname(firstMade));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new CryptoError('key_file_exists', `${path} exists and is left as it is`);
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The file's text, after making it with `create()` if it was missing. A racing process may be the one that made it. */
export function readOrCreatePrivateFile(path: string, create: () => string): string {
  try {
    return readPrivateFile(path);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'key_file_missing') throw error;
  }
  try {
    createPrivateFile(path, create());
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'key_file_exists') throw error;
  }
  return readPrivateFile(path);
}
