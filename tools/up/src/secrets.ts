import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createNatsUser } from '@gatehouse/bus';
import { loadOrCreateEd25519, loadOrCreateKeyFile } from '@gatehouse/crypto';
import { fromSeed } from '@nats-io/nkeys';
import type { DataFolder } from './data-folder.js';
import { statefulServices } from './service-table.js';
import { UpError } from './up-error.js';

/** The NATS user that creates streams and consumers. */
export const setupUser = 'setup';

/**
 * Makes the keys at the first start. Later a missing one stops the start: existing data cannot be read, or its proofs
 * not be continued, with a new key.
 */
export function ensureKeys(folder: DataFolder, age: 'new' | 'known'): void {
  const { rootKey, pepper, ledgerKey } = folder.keys;
  const missing = [rootKey, pepper, ledgerKey].find((path) => !existsSync(path));
  if (age === 'known' && missing !== undefined) {
    throw new UpError(
      `${missing} is missing, and the data in ${folder.root} cannot be used without it: ` +
        'restore it from a backup, or delete everything with --reset',
    );
  }
  loadOrCreateKeyFile(rootKey);
  loadOrCreateKeyFile(pepper);
  loadOrCreateEd25519(ledgerKey);
}

/** Database passwords and NATS users: made anew when missing, since migration and NATS's configuration set them each start. */
export function ensureLogins(folder: DataFolder): Record<string, string> {
  for (const service of statefulServices) {
    for (const role of ['request', 'system'] as const) ensurePassword(folder.databasePassword(service, role));
  }
  return Object.fromEntries(
    [setupUser, ...statefulServices].map((user) => [user, ensureNatsUser(folder.natsSeed(user))]),
  );
}

function ensurePassword(path: string): void {
  if (!existsSync(path)) writeFileSync(path, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
}

/** The user's public key. */
function ensureNatsUser(path: string): string {
  if (!existsSync(path)) writeFileSync(path, `${createNatsUser().seed}\n`, { mode: 0o600, flag: 'wx' });
  return fromSeed(new TextEncoder().encode(readFileSync(path, 'utf8').trim())).getPublicKey();
}
