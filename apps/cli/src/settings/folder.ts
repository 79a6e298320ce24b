import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { World } from '../world.js';
import { activeProfile, profileFolder } from './profiles.js';

export interface SettingsFolder {
  readonly path: string;
  /** `development`: the folder of a stack that runs from this directory or one above it. */
  readonly origin: 'GATEHOUSE_CONFIG_DIR' | 'home' | 'development';
  /** Which of several accounts it is of; none: the one that is there without profiles. */
  readonly profile?: string;
}

const files = ['config.json', 'credentials.json', 'active_profile', 'profiles'];
const isSettingsFolder = (path: string): boolean => files.some((name) => existsSync(join(path, name)));

export const homeFolder = ({ home }: Pick<World, 'home'>): SettingsFolder => ({
  path: join(home, '.config', 'gatehouse'),
  origin: 'home',
});

/** Where the settings of the profile are that counts. @throws Failure for a profile that there is not */
export function findSettingsFolder(world: Pick<World, 'env' | 'home' | 'cwd'>): SettingsFolder {
  const base = findBaseFolder(world);
  const profile = activeProfile(base.path, world.env).name;
  return profile === undefined ? base : { ...base, path: profileFolder(base.path, profile), profile };
}

/** Where profiles are kept, and the settings without one: the first that exists, else the one in the home directory. */
export function findBaseFolder({ env, home, cwd }: Pick<World, 'env' | 'home' | 'cwd'>): SettingsFolder {
  const given = env.GATEHOUSE_CONFIG_DIR;
  if (given) return { path: resolve(cwd, given), origin: 'GATEHOUSE_CONFIG_DIR' };
  const own = homeFolder({ home });
  if (isSettingsFolder(own.path)) return own;
  const development = developmentFolder(resolve(cwd));
  return development === undefined ? own : { path: development, origin: 'development' };
}

function developmentFolder(from: string): string | undefined {
  const path = join(from, '.gatehouse', 'cli');
  if (isSettingsFolder(path)) return path;
  const above = dirname(from);
  return above === from ? undefined : developmentFolder(above);
}
