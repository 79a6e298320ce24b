import { CryptoError, type SealedValue, type ValuePlace } from '@gatehouse/crypto';
import type { Keyring } from '../key/keyring.js';
import { decodeData, type SecretData } from './content.js';
import { sha256, type VersionState } from './secret.js';
import type { ReadRow } from './secret-log.js';
import { IntegrityViolation } from './stored-secret.js';

export const placeOf = (tenantId: string, secretId: string, version: number): ValuePlace => ({
  tenantId,
  purpose: 'secret',
  name: secretId,
  version,
});

/** What PostgreSQL has of a version. */
export type VersionRow = Pick<ReadRow, 'version' | 'secret_id' | 'ciphertext' | 'wrapped_key' | 'key_version'>;

/**
 * The sealed value in the row, if it is the one that was written: the state, which the log vouches for, has its digest.
 * Null for a version that is not there or was destroyed, of which nothing may be there.
 *
 * @throws IntegrityViolation
 */
export function sealedOf(
  row: VersionRow,
  secretId: string | undefined,
  number: number,
  version: VersionState | undefined,
): SealedValue | null {
  const { ciphertext, wrapped_key: wrappedKey, key_version: keyVersion } = row;
  if (version === undefined || version.status === 'destroyed') {
    if (ciphertext !== null) throw new IntegrityViolation('version_unexpected', number);
    return null;
  }
  if (row.version !== number) throw new IntegrityViolation('version_missing', number);
  if (row.secret_id !== secretId || ciphertext === null || wrappedKey === null || keyVersion === null)
    throw new IntegrityViolation('version_changed', number);
  if (sha256(ciphertext) !== version.digest) throw new IntegrityViolation('content_changed', number);
  return { algorithm: 'A256GCM', ciphertext, wrappedKey, keyVersion };
}

/** @throws IntegrityViolation when it does not open here; ProblemError `sealed` */
export async function openSealed(keyring: Keyring, place: ValuePlace, sealed: SealedValue): Promise<SecretData> {
  try {
    return decodeData(await keyring.open(place, sealed));
  } catch (error) {
    throw error instanceof CryptoError ? new IntegrityViolation('not_authentic', place.version, error) : error;
  }
}
