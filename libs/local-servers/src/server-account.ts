import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { LocalServerError } from './local-server-error.js';

/** The unprivileged user a server runs as. Empty for an ordinary user, who runs it as himself. */
export interface ServerAccount {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root, so as root it runs as `postgres`, or `nobody` where there is no such user. */
export function unprivilegedAccount(names: readonly string[] = ['postgres', 'nobody']): ServerAccount {
  if (process.getuid?.() !== 0) return {};
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of names) {
    const entry = entries.find((fields) => fields[0] === name);
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new LocalServerError('not-accessible', `running as root needs one of these users: ${names.join(', ')}`);
}

/** Whether the account may enter every folder on the way to `path` (ordinary permission bits; ACLs are not read). */
export function canTraverse(path: string, account: ServerAccount): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    if (!mayEnter(folder, account)) return false;
    if (folder === parse(folder).root) return true;
  }
}

function mayEnter(folder: string, { uid, gid }: ServerAccount): boolean {
  if (uid === undefined) return isAccessible(folder);
  const stat = statSync(folder);
  if (stat.uid === uid) return (stat.mode & 0o100) !== 0;
  if (stat.gid === gid) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}

function isAccessible(folder: string): boolean {
  try {
    accessSync(folder, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
