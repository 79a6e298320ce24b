import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServerError } from './local-server-error.js';

/** JetStream before this lacks what the bus declares (several filter subjects of one consumer). */
export const OLDEST_NATS = '2.10';

export interface NatsBinary {
  path: string;
  /** e.g. `2.15.1` */
  version: string;
}

/** Where a fetched nats-server is kept for the next start. */
export function natsCachePath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gatehouse', 'bin', 'nats-server');
}

/** What `nats-server --version` says, or undefined when it cannot be run. */
export async function natsVersion(path: string): Promise<string | undefined> {
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    return /v(\d+\.\d+\.\d+[\w.-]*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

export function isSupportedNats(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 10);
}

/** Copies a program into the cache under its final name only once it has run and is new enough. */
export async function installNats(source: string, target: string): Promise<NatsBinary> {
  const version = await natsVersion(source);
  if (version === undefined) throw new LocalServerError('no-binary', `${source} does not run on this machine`);
  if (!isSupportedNats(version)) {
    throw new LocalServerError(
      'binary-too-old',
      `nats-server ${version} is too old; ${OLDEST_NATS} or newer is needed`,
    );
  }
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  copyFileSync(source, partial);
  chmodSync(partial, 0o755);
  renameSync(partial, target);
  return { path: target, version };
}

/** Runs `work` in a new folder beside the cached program, and removes the folder whatever happens. */
export async function inWorkFolder<T>(target: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = `${target}.fetch-${process.pid}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}
