import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pythonStrip } from '../reference/python-text.js';
import { secretNamePattern } from '../reference/reference.js';

/** Where secrets are mounted unless told otherwise. */
export const defaultSecretsDirectory = '/run/secrets';

/** Beyond what the vault keeps. */
const maxBytes = 1024 * 1024;

/** `<directory>/<name>.secret`. @throws RangeError for a name that can't be mounted, so that none leads elsewhere */
export function secretPath(directory: string, name: string): string {
  if (!secretNamePattern.test(name)) throw new RangeError('that is not the name of a secret');
  return join(directory, `${name}.secret`);
}

/**
 * The exact bytes of a mounted secret.
 *
 * @throws the system's error (`ENOENT`, `EACCES`), which holds the path and no content
 */
export function readSecretBytes(directory: string, name: string): Buffer {
  const bytes = readFileSync(secretPath(directory, name));
  if (bytes.length > maxBytes) throw new Error('the file is larger than any secret');
  return bytes;
}

/** A mounted secret as make87's SDKs read it: UTF-8, white space at both ends left out, a byte order mark kept. */
export function readSecretText(directory: string, name: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const bytes = readSecretBytes(directory, name);
  try {
    return pythonStrip(decoder.decode(bytes));
  } catch {
    throw new Error('it is not UTF-8');
  }
}
