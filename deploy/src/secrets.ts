import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createNatsUser, renderNatsAuthorization } from '@gatehouse/bus';
import { loadOrCreateEd25519, loadOrCreateKeyFile, loadOrCreateRootKey } from '@gatehouse/crypto';
import { fromSeed } from '@nats-io/nkeys';
import { InitError } from './init-error.js';
import type { SecretFiles } from './project-folder.js';

/** Makes every key and login of a new installation. */
export function makeSecrets(files: SecretFiles): void {
  mkdirSync(files.root, { mode: 0o700 });
  loadOrCreateRootKey(files.keys.root);
  loadOrCreateKeyFile(files.keys.pepper);
  loadOrCreateEd25519(files.keys.ledger);
  loadOrCreateKeyFile(files.keys.seal);
  ensureLogins(files);
}

/** Adds the logins of services that are new, the keys of metadata, grants and relays where an older installation lacks them, and writes what each NATS user may do. Never replaces a secret. */
export function updateSecrets(files: SecretFiles): void {
  // An installation from before the vault: nothing was sealed there.
  if (!existsSync(files.natsSeeds.vault ?? '')) loadOrCreateKeyFile(files.keys.seal);
  const missing = Object.values(files.keys).find((path) => !existsSync(path));
  if (missing !== undefined)
    throw new InitError(
      `${missing} is missing, and what is stored cannot be used without it: restore it from a backup`,
    );
  ensureLogins(files);
}

function ensureLogins(files: SecretFiles): void {
  for (const path of [files.metadataKey, files.grantKey, files.peerKey])
    if (!existsSync(path)) loadOrCreateEd25519(path);
  for (const path of [files.superuserPassword, ...files.databasePasswords])
    ensureFile(path, () => randomBytes(24).toString('base64url'));
  for (const path of Object.values(files.natsSeeds)) ensureFile(path, () => createNatsUser().seed);
  const publicKeys = Object.entries(files.natsSeeds).map(([user, path]) => [user, publicKeyOf(path)]);
  const authorization = renderNatsAuthorization(Object.fromEntries(publicKeys));
  // In place: a container has this very file mounted, and would not see another one of the same name.
  writeFileSync(files.natsAuthorization, authorization, { mode: 0o600 });
}

function ensureFile(path: string, make: () => string): void {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${make()}\n`, { mode: 0o600, flag: 'wx' });
}

function publicKeyOf(seedFile: string): string {
  return fromSeed(new TextEncoder().encode(readFileSync(seedFile, 'utf8').trim())).getPublicKey();
}
