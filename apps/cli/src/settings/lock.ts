import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, Failure } from '../failure.js';
import { pause } from '../reference.js';
import type { SettingsFolder } from './folder.js';

/** Whoever holds it longer than this was killed. */
const staleMs = 60_000;
const waitMs = 45_000;
const retryMs = 50;

/** Runs `work` while no other command line changes the credentials in this folder. Held by a file that is made exclusively. */
export async function withCredentialsLock<T>({ path: folder }: SettingsFolder, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'credentials.lock');
  const until = Date.now() + waitMs;
  while (!taken(path)) {
    if (isStale(path)) rmSync(path, { force: true });
    else if (Date.now() > until) throw new Failure(exitCodes.unavailable, `another call is still signing in (${path})`);
    else await pause(retryMs);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function taken(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(path: string): boolean {
  const held = statSync(path, { throwIfNoEntry: false });
  return held !== undefined && Date.now() - held.mtimeMs > staleMs;
}
