import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import { keyBytes, openWithNonce, sealWithRandomNonce } from './aes-gcm.js';
import { canonicalJson } from './canonical-json.js';
import { CryptoError } from './crypto-error.js';
import { isWellFormed } from './well-formed.js';

/** Whose data it is, and which of that person's keys seals it (versions count from 1). */
export interface SubjectKeyRef {
  readonly subject: string;
  readonly keyVersion: number;
}

/** Longest personal value in bytes of UTF-8: several fit into one event of at most 60,000 bytes. */
export const maxSealedBytes = 8_192;

const base64Text = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A fresh data key for one person. Wrapped by the root key in identity's tables; deleting that row is the erasure. */
export const newSubjectKey = (): KeyObject => createSecretKey(randomBytes(keyBytes));

/** Canonical JSON of a list: no two different tuples give the same bytes. */
const aadOf = (tenantId: string, ref: SubjectKeyRef, fieldPath: string): Buffer =>
  Buffer.from(canonicalJson(['gatehouse.sealed-field.v1', tenantId, ref.subject, ref.keyVersion, fieldPath]), 'utf8');

/**
 * One personal field under its subject's key: AES-256-GCM, `text` is base64 of nonce, ciphertext and tag. The additional
 * data binds tenant, subject, key version and field path, so the field opens nowhere else. The length of the plaintext
 * stays visible. Throws `RangeError` on text longer than {@link maxSealedBytes} or with a lone surrogate.
 *
 * @example sealField(key, { subject: 'u_7', keyVersion: 1 }, 'email', 'acme', 'ann@example.org')
 */
export function sealField(
  subjectKey: KeyObject,
  ref: SubjectKeyRef,
  fieldPath: string,
  tenantId: string,
  plaintext: string,
): SealedField {
  if (!isWellFormed(plaintext)) throw new RangeError('text with half a surrogate pair has no UTF-8 form');
  const bytes = Buffer.from(plaintext, 'utf8');
  if (bytes.byteLength > maxSealedBytes) throw new RangeError(`a personal field has at most ${maxSealedBytes} bytes`);
  const text = sealWithRandomNonce(subjectKey, aadOf(tenantId, ref, fieldPath), bytes).toString('base64');
  return { subject: ref.subject, key: ref.keyVersion, text };
}

/**
 * Reverse of {@link sealField}. Throws `CryptoError`: `malformed` (no base64, or truncated below nonce and tag),
 * `not_authentic` (changed, moved from another place, or another key).
 */
export function openField(subjectKey: KeyObject, sealed: SealedField, fieldPath: string, tenantId: string): string {
  if (!base64Text.test(sealed.text)) throw new CryptoError('malformed', 'a sealed field is base64');
  const ref = { subject: sealed.subject, keyVersion: sealed.key };
  return openWithNonce(subjectKey, aadOf(tenantId, ref, fieldPath), Buffer.from(sealed.text, 'base64')).toString(
    'utf8',
  );
}
