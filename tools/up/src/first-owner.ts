import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import type { DataFolder } from './data-folder.js';
import { UpError } from './up-error.js';

/** What `identity bootstrap` writes once, with mode 0600. */
export interface FirstOwner {
  tenantId: string;
  ownerId: string;
  setupToken: string;
  setupExpiresAt: string;
  operatorKey: string;
}

export function readFirstOwner(folder: DataFolder): FirstOwner | undefined {
  if (!existsSync(folder.firstOwner)) return undefined;
  try {
    return JSON.parse(readFileSync(folder.firstOwner, 'utf8')) as FirstOwner;
  } catch (cause) {
    throw new UpError(`${folder.firstOwner} is damaged; if you do not need its keys any more, delete it`, { cause });
  }
}

/** The credentials of the command line, and a header file that keeps the key out of curl's arguments. Kept if there already. */
export function writeOperatorFiles(folder: DataFolder, owner: FirstOwner): void {
  const credentials = { credentials: { APIKey: { api_key: owner.operatorKey } }, device_credentials: null };
  writeOnce(folder.credentials, `${JSON.stringify(credentials, null, 2)}\n`);
  // Last: it marks a finished bootstrap.
  writeOnce(folder.curlHeader, `Authorization: Bearer ${owner.operatorKey}\n`);
}

/** What the printed command sends. Undefined when somebody has made something else of the file. */
export function readAuthorization(folder: DataFolder): string | undefined {
  return /^authorization:[ \t]*(bearer [\x21-\x7e]+)\s*$/i.exec(readFileSync(folder.curlHeader, 'utf8'))?.[1];
}

function writeOnce(path: string, text: string): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
}

/** The fragment of an address never reaches a server or its logs; the page reads it. */
export function setupUrl(owner: FirstOwner, origin: string, now: Date): string | undefined {
  const open = owner.setupToken !== '' && new Date(owner.setupExpiresAt).getTime() > now.getTime();
  return open ? `${origin}/setup#${owner.setupToken}` : undefined;
}

/** A command to paste: may the first owner deploy to production? No key is in it, since other users can list arguments. */
export function curlLine(owner: FirstOwner, folder: DataFolder, caFile: string, origin: string, cwd: string): string {
  const question = {
    subject: { type: 'user', id: owner.ownerId },
    action: { name: 'deploy.production' },
    resource: { type: 'scope', id: 'production' },
  };
  return [
    `curl --cacert ${shellWord(shortest(caFile, cwd))} -H @${shellWord(shortest(folder.curlHeader, cwd))}`,
    `-H 'content-type: application/json' -d ${shellWord(JSON.stringify(question))} ${origin}/access/v1/evaluation`,
  ].join(' ');
}

function shortest(path: string, cwd: string): string {
  const fromHere = relative(cwd, path);
  return fromHere !== '' && fromHere.length < path.length && !fromHere.startsWith('..') ? fromHere : path;
}

function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
