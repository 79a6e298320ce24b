import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { writePrivateFile } from '../../settings/private-file.js';

/** The device's host key, made at its first use: the same for ever, so that `known_hosts` holds. */
export function hostKey(folder: string): string {
  const path = join(folder, 'ssh-host-key');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { private: key } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'gatehouse' });
  writePrivateFile(path, key);
  return key;
}
