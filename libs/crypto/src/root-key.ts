import { createHmac, hkdfSync, type KeyObject } from 'node:crypto';
import { keyBytes, nonceBytes, openWithNonce, sealWithRandomNonce, tagBytes } from './aes-gcm.js';
import { constantTimeEqual } from './constant-time.js';
import { CryptoError } from './crypto-error.js';
import { keyOfBytes } from './key-bytes.js';
import { loadKeyFile, loadOrCreateKeyFile } from './key-file.js';

/** The key that wraps all others. `id` is 16 hexadecimal digits that follow from the key and do not disclose it. */
export interface RootKey {
  readonly id: string;
  readonly key: KeyObject;
}

const formatVersion = 1;
const idBytes = 8;
const headerBytes = 1 + idBytes;
const wrappedBytes = headerBytes + nonceBytes + keyBytes + tagBytes;

// A key has one id, and each value that is sealed or opened asks for it. Gone together with the key.
const rootKeys = new WeakMap<KeyObject, RootKey>();

/** A root key of 32 secret bytes. */
export function rootKeyOf(key: KeyObject): RootKey {
  const known = rootKeys.get(key);
  if (known) return known;
  const made = identified(key);
  rootKeys.set(key, made);
  return made;
}

function identified(key: KeyObject): RootKey {
  if (key.type !== 'secret' || key.symmetricKeySize !== keyBytes)
    throw new RangeError(`a root key has ${keyBytes} bytes`);
  const id = createHmac('sha256', key).update('gatehouse.root-key-id.v1').digest();
  return { id: id.subarray(0, idBytes).toString('hex'), key };
}

/** The root key of a file; refusals as in `loadKeyFile`. */
export const loadRootKey = (path: string): RootKey => rootKeyOf(loadKeyFile(path));

/** The root key of a file, made at first start. */
export const loadOrCreateRootKey = (path: string): RootKey => rootKeyOf(loadOrCreateKeyFile(path));

/**
 * A key that takes both others to make: HKDF-SHA256 (RFC 5869) over the one, salted with the other. `purpose` keeps keys of
 * different uses apart.
 *
 * @example const key = keyOfTwo(tenantSealKey, storedKey, 'tenant-seal:acme')
 */
export function keyOfTwo(one: KeyObject, other: KeyObject, purpose: string): KeyObject {
  const [material, salt] = [one.export(), other.export()];
  const key = keyOfBytes(new Uint8Array(hkdfSync('sha256', material, salt, purpose, keyBytes)));
  for (const bytes of [material, salt]) bytes.fill(0);
  return key;
}

const headerOf = (root: RootKey): Buffer => Buffer.concat([Buffer.of(formatVersion), Buffer.from(root.id, 'hex')]);

// The header has one length, so no two pairs of header and context give the same bytes.
const aadOf = (header: Uint8Array, context: string): Buffer => Buffer.concat([header, Buffer.from(context, 'utf8')]);

/**
 * A data key sealed under the root key, 69 bytes: format version 1 (1), root key id (8), nonce (12), ciphertext (32),
 * tag (16). AES-256-GCM over header and `context`, which says what the key is for and must be given again.
 *
 * @example const wrapped = wrapKey(root, newSubjectKey(), 'subject-key:acme:u_7:1');
 */
export function wrapKey(root: RootKey, key: KeyObject, context: string): Buffer {
  if (key.symmetricKeySize !== keyBytes) throw new RangeError(`a wrapped key has ${keyBytes} bytes`);
  const header = headerOf(root);
  const bytes = key.export();
  const sealed = sealWithRandomNonce(root.key, aadOf(header, context), bytes);
  bytes.fill(0);
  return Buffer.concat([header, sealed]);
}

/**
 * Reverse of {@link wrapKey}. Throws `CryptoError`: `malformed` (length or format version), `wrong_key` (wrapped by
 * another root key), `not_authentic` (changed, or another context).
 */
export const unwrapKey = (root: RootKey, wrapped: Uint8Array, context: string): KeyObject =>
  keyOfBytes(unwrapKeyBytes(root, wrapped, context));

/** The same as bytes, for a key that opens one thing: whoever asks overwrites them. */
export function unwrapKeyBytes(root: RootKey, wrapped: Uint8Array, context: string): Buffer {
  if (wrapped.byteLength !== wrappedBytes || wrapped[0] !== formatVersion) {
    throw new CryptoError('malformed', 'not a wrapped key of a known format');
  }
  const header = wrapped.subarray(0, headerBytes);
  if (!constantTimeEqual(header, headerOf(root))) {
    throw new CryptoError('wrong_key', `wrapped under root key ${wrappedUnder(wrapped)}, not ${root.id}`);
  }
  return openWithNonce(root.key, aadOf(header, context), wrapped.subarray(headerBytes));
}

/** The id of the root key that a wrapped key needs: for rotation, and for a clear message when it is missing. */
export const wrappedUnder = (wrapped: Uint8Array): string =>
  Buffer.from(wrapped.subarray(1, headerBytes)).toString('hex');
