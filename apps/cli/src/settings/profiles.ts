import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import type { World } from '../world.js';
import { writePrivateFile } from './private-file.js';

/** Several accounts on one machine: each has a folder of its own with config.json and credentials.json. */
export const defaultProfile = 'default';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const activePath = (base: string): string => join(base, 'active_profile');
const profilesPath = (base: string): string => join(base, 'profiles');

/** @throws Failure for a name that would lead elsewhere */
export function checkedProfileName(name: string): string {
  if (!namePattern.test(name))
    throw usageFailure(`"${name}" is no name of a profile: letters, digits, dots, hyphens and underscores, at most 64`);
  return name;
}

export interface ActiveProfile {
  /** Undefined: the settings without a profile. */
  readonly name?: string;
  readonly from: string;
}

/** Environment before the file that `profile use` writes. @throws Failure for a name of another form, or of no profile */
export function activeProfile(base: string, env: World['env']): ActiveProfile {
  const variable = ['GATEHOUSE_PROFILE', 'M87_PROFILE'].find((name) => env[name]);
  const from = variable ?? activePath(base);
  const name = checkedProfileName((variable ? env[variable] : readActive(base)) ?? defaultProfile);
  if (name === defaultProfile) return { from };
  if (!existsSync(join(profilesPath(base), name)))
    throw new Failure(exitCodes.usage, `there is no profile "${name}" (from ${from})`, 'gatehouse profile list');
  return { name, from };
}

/** The folder of a profile's settings. */
export const profileFolder = (base: string, name: string): string =>
  name === defaultProfile ? base : join(profilesPath(base), checkedProfileName(name));

export function listProfiles(base: string): string[] {
  const path = profilesPath(base);
  if (!existsSync(path)) return [defaultProfile];
  const found = readdirSync(path, { withFileTypes: true });
  const names = found.filter((entry) => entry.isDirectory() && namePattern.test(entry.name)).map(({ name }) => name);
  return [defaultProfile, ...names.filter((name) => name !== defaultProfile).sort()];
}

export function addProfile(base: string, name: string): string {
  if (listProfiles(base).includes(checkedProfileName(name)))
    throw new Failure(exitCodes.negative, `there is a profile "${name}" already`);
  const path = profileFolder(base, name);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}

export function useProfile(base: string, name: string): void {
  existing(base, name);
  writePrivateFile(activePath(base), `${name}\n`);
}

/** Its credentials are forgotten with it. The one without a name stays. */
export function removeProfile(base: string, name: string): void {
  changeable(base, name);
  if (readActive(base) === name) rmSync(activePath(base));
  rmSync(profileFolder(base, name), { recursive: true });
}

export function renameProfile(base: string, from: string, to: string): void {
  changeable(base, from);
  if (listProfiles(base).includes(checkedProfileName(to)))
    throw new Failure(exitCodes.negative, `there is a profile "${to}" already`);
  renameSync(profileFolder(base, from), profileFolder(base, to));
  if (readActive(base) === from) useProfile(base, to);
}

function existing(base: string, name: string): void {
  if (!listProfiles(base).includes(checkedProfileName(name)))
    throw new Failure(exitCodes.negative, `there is no profile "${name}"`, 'gatehouse profile list shows them');
}

function changeable(base: string, name: string): void {
  existing(base, name);
  if (name === defaultProfile) throw usageFailure('the default profile is the settings themselves: it stays');
}

function readActive(base: string): string | undefined {
  try {
    return readFileSync(activePath(base), 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
