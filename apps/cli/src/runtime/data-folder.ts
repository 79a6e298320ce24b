import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { World } from '../world.js';

/** Where the runtime keeps keys, state, log and recordings. systemd names a folder of the unit's own. */
export function dataFolder({ env, home, cwd }: Pick<World, 'env' | 'home' | 'cwd'>): string {
  const given = env.GATEHOUSE_DATA_DIR ?? env.STATE_DIRECTORY?.split(':')[0];
  if (given) return resolve(cwd, given);
  return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'gatehouse');
}

/** Of the runtime that systemd runs: its StateDirectory, and what the unit sets. */
export const enabledFolder = { data: '/var/lib/gatehouse', credentials: '/var/lib/gatehouse/credentials' } as const;

/** Tells programs of this runtime from those of another one on the same machine. */
export const tagOf = (folder: string): string => createHash('sha256').update(folder).digest('hex').slice(0, 12);
