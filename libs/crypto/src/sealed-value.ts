import { type KeyObject, randomBytes } from 'node:crypto';
import { keyBytes, openWithNonce, sealWithRandomNonce } from './aes-gcm.js';
import { canonicalJson } from './canonical-json.js';
import { keyOfBytes } from './key-bytes.js';
import { rootKeyOf, unwrapKey, unwrapKeyBytes, wrapKey } from './root-key.js';

/** Where a value belongs: it opens nowhere else. `version` counts from 1. */
export interface ValuePlace {
  readonly tenantId: string;
  /** What kind of value: `secret`, `transit-key`, ... */
  readonly purpose: string;
  /** Which one: a path, or an id that is never used again. */
  readonly name: string;
  readonly version: number;
}

/** A key of a tenant, 32 secret bytes, and its version, which counts from 1. */
export interface VersionedKey {
  readonly version: number;
  readonly key: KeyObject;
}

/**
 * A value under a data key of its own. `ciphertext`: nonce (12), ciphertext, tag (16); `wrappedKey`: the data key under the
 * tenant key of version `keyVersion`, 69 bytes.
 */
export interface SealedValue {
  readonly algorithm: 'A256GCM';
  readonly ciphertext: Buffer;
  readonly wrappedKey: Buffer;
  readonly keyVersion: number;
}

/** Canonical JSON of a list: no two different places give the same text. */
const textOf = ({ tenantId, purpose, name, version }: ValuePlace): string =>
  canonicalJson(['gatehouse.sealed-value.v1', tenantId, purpose, name, version]);

const keyContext = (place: ValuePlace, keyVersion: number): string =>
  canonicalJson(['gatehouse.data-key.v1', textOf(place), keyVersion]);

/**
 * Seals bytes with a fresh data key (AES-256-GCM) and wraps that key under the tenant's. Both are bound to the place.
 *
 * @example sealValue(tenantKey, { tenantId: 'acme', purpose: 'secret', name: id, version: 3 }, Buffer.from('hunter2'))
 */
export function sealValue(tenantKey: VersionedKey, place: ValuePlace, plaintext: Uint8Array): SealedValue {
  const dataKey = keyOfBytes(randomBytes(keyBytes));
  return {
    algorithm: 'A256GCM',
    ciphertext: sealWithRandomNonce(dataKey, Buffer.from(textOf(place), 'utf8'), plaintext),
    wrappedKey: wrapKey(rootKeyOf(tenantKey.key), dataKey, keyContext(place, tenantKey.version)),
    keyVersion: tenantKey.version,
  };
}

/**
 * Reverse of {@link sealValue}. Throws `CryptoError`: `malformed`, `wrong_key` (another tenant key than the one it was
 * wrapped under), `not_authentic` (changed, or from another place).
 */
export function openValue(tenantKey: VersionedKey, place: ValuePlace, sealed: SealedValue): Buffer {
  const context = keyContext(place, sealed.keyVersion);
  const dataKey = unwrapKeyBytes(rootKeyOf(tenantKey.key), sealed.wrappedKey, context);
  try {
    return openWithNonce(dataKey, Buffer.from(textOf(place), 'utf8'), sealed.ciphertext);
  } finally {
    dataKey.fill(0);
  }
}

/** The same value under another version of the tenant's key: the ciphertext stays as it is. Refusals as {@link openValue}. */
export function rewrapValue(from: VersionedKey, to: VersionedKey, place: ValuePlace, sealed: SealedValue): SealedValue {
  const dataKey = unwrapKey(rootKeyOf(from.key), sealed.wrappedKey, keyContext(place, sealed.keyVersion));
  const wrappedKey = wrapKey(rootKeyOf(to.key), dataKey, keyContext(place, to.version));
  return { ...sealed, wrappedKey, keyVersion: to.version };
}
