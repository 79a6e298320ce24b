import { createHash, type KeyObject } from 'node:crypto';
import { loadOrCreateEd25519 } from '@gatehouse/crypto';

/** A public key as devices and relays are told it. */
export interface TellableKey {
  /** JWK thumbprint (RFC 7638). */
  readonly kid: string;
  /** Base64url of its 32 bytes. */
  readonly publicKey: string;
}

export interface GrantKeys {
  readonly signing: { readonly kid: string; readonly privateKey: KeyObject };
  /** The first one signs; the others did, or will. */
  readonly told: readonly TellableKey[];
}

const maxKeys = 8;

/**
 * The key that grants are signed with, and those that devices and relays accept beside it. Changing it: name the new file
 * among the others first, make it `GRANT_KEY_FILE` when every device has sent a heartbeat, keep the old one among the others.
 *
 * @throws CryptoError for a file that is no key, or that others can read
 */
export function loadGrantKeys({
  GRANT_KEY_FILE: file,
  GRANT_KEY_OTHER_FILES: others,
}: {
  readonly GRANT_KEY_FILE: string;
  readonly GRANT_KEY_OTHER_FILES: readonly string[];
}): GrantKeys {
  if (others.length >= maxKeys) throw new Error(`GRANT_KEY_OTHER_FILES names at most ${maxKeys - 1} files`);
  const keys = [file, ...others].map((path) => loadOrCreateEd25519(path));
  const told = keys.map(({ publicKey }) => tellable(publicKey));
  const [first] = keys;
  const [signing] = told;
  if (!first || !signing) throw new Error('there is no key to sign grants with');
  return { signing: { kid: signing.kid, privateKey: first.privateKey }, told };
}

function tellable(key: KeyObject): TellableKey {
  const { crv, kty, x = '' } = key.export({ format: 'jwk' });
  // The members that count, in the order of their names, without blanks (RFC 7638 3; RFC 8037 2).
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { kid, publicKey: x };
}
