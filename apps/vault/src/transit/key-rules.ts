import type { NewEvent } from '@gatehouse/event-store';
import type { PresentKey } from './transit-key.js';
import { refused } from './transit-problem.js';

/** Versions of one key: its stream is read for every use. */
export const maxVersions = 1_000;

export interface KeySettings {
  readonly minDecryptionVersion?: number | undefined;
  readonly minEncryptionVersion?: number | undefined;
  readonly deletionAllowed?: boolean | undefined;
}

/** What is not given stays. @throws ProblemError for versions in an impossible order */
export function configureKey(key: PresentKey, name: string, change: KeySettings): readonly NewEvent[] {
  const after = {
    // As Vault reads it: 0 is the first.
    minDecryptionVersion: Math.max(1, change.minDecryptionVersion ?? key.minDecryptionVersion),
    minEncryptionVersion: change.minEncryptionVersion ?? key.minEncryptionVersion,
    deletionAllowed: change.deletionAllowed ?? key.deletionAllowed,
  };
  const { minDecryptionVersion, minEncryptionVersion } = after;
  if (minDecryptionVersion > key.latest) throw refused(`cannot set min decryption version of ${minDecryptionVersion}`);
  if (minEncryptionVersion > key.latest) throw refused(`cannot set min encryption version of ${minEncryptionVersion}`);
  if (minEncryptionVersion > 0 && minEncryptionVersion < minDecryptionVersion)
    throw refused('the minimum version for encryption is below that for decryption');
  const isSame = (Object.keys(after) as (keyof typeof after)[]).every((member) => after[member] === key[member]);
  if (isSame) return [];
  return [{ type: 'transit_key.configured', version: 1, data: { name, keyId: key.keyId, ...after } }];
}

/** @throws ProblemError */
export function deleteKey(key: PresentKey, name: string): readonly NewEvent[] {
  if (!key.deletionAllowed) throw refused('deletion is not allowed for this key');
  return [{ type: 'transit_key.deleted', version: 1, data: { name, keyId: key.keyId } }];
}

/** The version that new texts are made under: the latest, or one that the caller names. @throws ProblemError */
export function versionToMake(key: PresentKey, wanted = 0): number {
  if (wanted === 0) return key.latest;
  if (wanted > key.latest) throw refused('the version of the key is not there');
  const least = key.minEncryptionVersion === 0 ? key.latest : key.minEncryptionVersion;
  if (wanted < least) throw refused('the version of the key is disallowed by policy (too old)');
  return wanted;
}

/** Whether what was made under a version may still be read or verified. @throws ProblemError */
export function checkReadable(key: PresentKey, version: number): void {
  if (version > key.latest) throw refused('invalid ciphertext or signature: version is too new');
  if (version < key.minDecryptionVersion)
    throw refused('ciphertext or signature version is disallowed by policy (too old)');
}
