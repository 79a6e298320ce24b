import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { secretPath } from '@gatehouse/sdk';
import { exitCodes, Failure, usageFailure } from '../../failure.js';

/** A secret with its exact bytes. */
export interface SecretFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Types of file systems that live in memory (statfs(2)): tmpfs and ramfs. */
const inMemory = new Set([0x01021994, 0x858458f6]);
const draftPattern = /^\.([A-Za-z0-9_]{1,128})\.secret\.(\d{1,10})\.new$/;

/**
 * A directory of secrets: `NAME.secret`, mode 0400, in a directory of mode 0700 that belongs to the caller. A reader of a file
 * finds a whole secret or none: each is written under another name and renamed.
 */
export class MountDirectory {
  /** False where files may reach a disk. */
  readonly isInMemory: boolean;

  private constructor(readonly path: string) {
    this.isInMemory = inMemory.has(statfsSync(path).type);
  }

  /** Checks the directory, makes its mode 0700 and removes what earlier mounts left unfinished. @throws Failure */
  static open(path: string): MountDirectory {
    checkPlace(path);
    const found = openDirectory(path);
    try {
      checkOwner(path, fstatSync(found));
      fchmodSync(found, 0o700);
    } finally {
      closeSync(found);
    }
    const directory = new MountDirectory(path);
    directory.#removeDrafts();
    return directory;
  }

  /**
   * Puts all of them there, or none: everything is written before the first is renamed.
   *
   * @throws Failure, after which no file is there that was not there before
   */
  putAll(secrets: readonly SecretFile[]): void {
    for (const { name } of secrets) this.#checkTarget(name);
    const drafts: string[] = [];
    const added: string[] = [];
    try {
      for (const secret of secrets) drafts.push(this.#draft(secret));
      for (const [i, { name }] of secrets.entries()) {
        const target = secretPath(this.path, name);
        if (!exists(target)) added.push(target);
        renameSync(drafts[i] as string, target);
      }
      this.#sync();
    } catch (cause) {
      for (const file of [...drafts, ...added]) rmSync(file, { force: true });
      throw notWritten(this.path, cause as NodeJS.ErrnoException);
    }
  }

  /** Replaces one file; readers see the old content or the new one. @throws Failure; the old file is then still there */
  put(secret: SecretFile): void {
    this.#checkTarget(secret.name);
    let draft: string | undefined;
    try {
      draft = this.#draft(secret);
      renameSync(draft, secretPath(this.path, secret.name));
      this.#sync();
    } catch (cause) {
      if (draft) rmSync(draft, { force: true });
      throw notWritten(this.path, cause as NodeJS.ErrnoException);
    }
  }

  remove(names: readonly string[]): void {
    for (const name of names) rmSync(secretPath(this.path, name), { force: true });
    this.#removeDrafts();
  }

  #draft({ name, bytes }: SecretFile): string {
    const draft = join(this.path, `.${name}.secret.${process.pid}.new`);
    // O_EXCL: never into a file or through a link that lies there already.
    const file = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o400);
    try {
      fchmodSync(file, 0o400);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
    return draft;
  }

  #checkTarget(name: string): void {
    const target = lstatSync(secretPath(this.path, name), { throwIfNoEntry: false });
    if (target && !target.isFile())
      throw new Failure(exitCodes.usage, `${secretPath(this.path, name)} is there and is no file`);
  }

  /** So that a rename survives a loss of power, where the directory is on a disk. */
  #sync(): void {
    const directory = openDirectory(this.path);
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }

  /** Of mounts that are gone. Ours is not writing yet; the id of a process is used again. */
  #removeDrafts(): void {
    for (const entry of readdirSync(this.path)) {
      const pid = Number(draftPattern.exec(entry)?.[2]);
      if (pid === process.pid || (pid > 0 && !isRunning(pid))) rmSync(join(this.path, entry), { force: true });
    }
  }
}

/** Somebody who may rename the directory may put another in its place. */
function checkPlace(path: string): void {
  const parent = statSync(dirname(path), { throwIfNoEntry: false });
  if (!parent) throw badDirectory(path, 'does not exist', `Make it: mkdir -m 700 ${path}`);
  const isOpen = (parent.mode & 0o022) !== 0 && (parent.mode & 0o1000) === 0;
  if (isOpen) throw badDirectory(path, `stands in ${dirname(path)}, where others may put another in its place`);
}

function openDirectory(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw badDirectory(path, 'does not exist', `Make it: mkdir -m 700 ${path}`);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink())
      throw badDirectory(path, 'is a link', 'Name the directory itself');
    if (code === 'ENOTDIR') throw badDirectory(path, 'is no directory');
    throw badDirectory(path, `cannot be opened (${code})`);
  }
}

function checkOwner(path: string, { uid, mode }: Stats): void {
  if (uid !== process.getuid?.()) throw badDirectory(path, `belongs to another user (uid ${uid})`);
  if ((mode & 0o022) !== 0)
    throw badDirectory(
      path,
      'can be written by others, who may have laid files there',
      `Look into it, then: chmod 700 ${path}`,
    );
}

const badDirectory = (path: string, what: string, next?: string): Failure => usageFailure(`${path} ${what}`, next);

const notWritten = (path: string, cause: NodeJS.ErrnoException): Failure =>
  cause instanceof Failure
    ? cause
    : new Failure(exitCodes.unavailable, `${path} cannot be written (${cause.code ?? cause.message})`, undefined, {
        cause,
      });

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
