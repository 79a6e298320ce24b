import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import { keyFingerprint, openField, type Pepper, sealField } from '@gatehouse/crypto';

/** A key of this installation for one purpose, derived from the pepper (HMAC-SHA256, 32 bytes). */
export const derivedKey = (pepper: Pepper, purpose: string): Buffer =>
  createHmac('sha256', pepper).update(`gatehouse.oidc.${purpose}.v1`).digest();

/** The key that records are sealed with. */
export const recordKey = (pepper: Pepper): KeyObject => createSecretKey(derivedKey(pepper, 'records'));

/** What is stored of a handle: a code, a token, a cookie, a user code. The handle itself is stored nowhere in clear. */
export const handleId = (pepper: Pepper, model: string, handle: string): string =>
  keyFingerprint(pepper, `oidc:${model}:${handle}`).toString('base64url');

/** Sealed in its place: a payload that was moved to another row does not open. */
export const sealRecord = (key: KeyObject, model: string, id: string, payload: object): SealedField =>
  sealField(key, { subject: model, keyVersion: 1 }, 'payload', id, JSON.stringify(payload));

/** Reverse of {@link sealRecord}. @throws CryptoError on a row that was changed or moved */
export const openRecord = (key: KeyObject, id: string, sealed: SealedField): Record<string, unknown> =>
  JSON.parse(openField(key, sealed, 'payload', id)) as Record<string, unknown>;
