import { posix, sep } from 'node:path';
import { usageFailure } from '../../failure.js';

/** A file here, or one on a device. */
export type FilePlace =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'remote'; readonly device: string; readonly path: string };

/**
 * scp's rules: what has a colon before its first slash is on a device; `./a:b` and `/a:b` are here. Over there a path is
 * absolute, or relative to the home of whom the runtime runs as; `~/` and nothing at all are that home.
 *
 * @example parsePlace('edge-1:logs/') // { kind: 'remote', device: 'edge-1', path: 'logs' }
 */
export function parsePlace(text: string): FilePlace {
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  if (text === '') throw usageFailure('a path is empty');
  if (text.includes('\0')) throw usageFailure('no path can hold a NUL');
  if (colon < 0 || (slash >= 0 && slash < colon)) return { kind: 'local', path: text };
  const device = text.slice(0, colon);
  if (device === '') throw usageFailure(`"${text}" names no device before its colon; ./${text} is a file here`);
  return { kind: 'remote', device, path: remotePath(text.slice(colon + 1)) };
}

/** Normal form: `/etc/x`, `logs/x`, `.`. @throws Failure for a path above the home, or in somebody else's */
export function remotePath(text: string): string {
  if (/^~[^/]/.test(text)) throw usageFailure(`${text}: the home of somebody else is to be named by its path`);
  const plain = text === '~' ? '.' : text.startsWith('~/') ? text.slice(2) || '.' : text || '.';
  const path = posix.normalize(plain).replace(/(.)\/$/, '$1');
  if (path === '..' || path.startsWith('../'))
    throw usageFailure(`${text} leads above the home: name it from the root`);
  return path;
}

/** A remote path as part of a program's words: joined below a folder. */
export const joinRemote = (folder: string, name: string): string => (folder === '.' ? name : posix.join(folder, name));

/**
 * A name as the other side lists it: one that would lead elsewhere is not believed (CVE-2019-6111 of scp was that).
 *
 * @throws Failure
 */
export function checkedName(name: string): string {
  const leads = name.includes('/') || name.includes('\0') || name.includes(sep);
  if (name === '' || name === '.' || name === '..' || leads)
    throw usageFailure(`the other side lists a name that is none: ${JSON.stringify(name)}`);
  return name;
}
