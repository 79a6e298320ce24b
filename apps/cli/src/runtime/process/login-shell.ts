import { accessSync, constants, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import type { Account } from './environment.js';

const known = ['/bin/bash', '/usr/bin/bash', '/bin/zsh', '/bin/ash', '/bin/sh'];
/** What an account has that nobody is to sign in to; the runtime's own often has it. */
const refusing = /^(nologin|false|true|sync|halt|shutdown)$/;

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** `SHELL`, then the account's own, then the first that there is. */
export function findLoginShell(env: Readonly<Record<string, string | undefined>>): string {
  const candidates = [env.SHELL, accountShell(), ...known];
  const usable = (path: string | null | undefined) =>
    !!path && path.startsWith('/') && !refusing.test(basename(path)) && isExecutable(path);
  return candidates.find(usable) ?? '/bin/sh';
}

function accountShell(): string | null {
  try {
    return userInfo().shell;
  } catch {
    return null;
  }
}

/** Whom the runtime runs as. */
export function ownAccount(): Account {
  try {
    const { username, homedir: home } = userInfo();
    return { name: username, home };
  } catch {
    return { name: String(process.getuid?.() ?? ''), home: homedir() };
  }
}

export type Found = { readonly path: string } | { readonly exitCode: 126 | 127; readonly reason: string };

/** Where a program is, as shells look for it; else what they end with: 127 not found, 126 not to be run. */
export function findProgram(name: string, path: string, cwd: string): Found {
  const places = name.includes('/')
    ? [join(name.startsWith('/') ? '' : cwd, name)]
    : path.split(':').map((one) => join(one, name));
  const found = places.find(isExecutable);
  if (found !== undefined) return { path: found };
  const exists = places.some((place) => statSync(place, { throwIfNoEntry: false }) !== undefined);
  return exists && name !== ''
    ? { exitCode: 126, reason: 'cannot be executed' }
    : { exitCode: 127, reason: 'command not found' };
}
