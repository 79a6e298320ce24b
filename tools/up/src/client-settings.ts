import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadOrCreateEd25519 } from '@gatehouse/crypto';
import { formatVkey } from '@gatehouse/merkle';
import type { DataFolder } from './data-folder.js';

/** The audit service's default for LEDGER_ORIGIN. */
const ledgerOrigin = 'gatehouse.local/ledger';

/**
 * What the command line needs to find this stack and to check its ledger without asking it: the address, the authority
 * to trust, and the ledger's public key, taken from the key file itself and not from a service. Written at every start,
 * because the port may have changed.
 */
export function writeClientSettings(folder: DataFolder, url: string): void {
  const files = dirname(folder.credentials);
  const ledgerKey = join(files, 'ledger.vkey');
  const { publicKey } = loadOrCreateEd25519(folder.keys.ledgerKey);
  replace(ledgerKey, `${formatVkey(process.env.LEDGER_ORIGIN ?? ledgerOrigin, publicKey)}\n`);
  replace(join(files, 'config.json'), `${JSON.stringify({ url, ca: folder.keys.authority, ledgerKey }, null, 2)}\n`);
}

/** A reader sees the old file or the new one, never half of one. */
function replace(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
