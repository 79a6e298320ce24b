import { loadOrCreateEd25519, type SigningKey } from '@gatehouse/crypto';
import { type GrantKey, grantKeyOf } from '@gatehouse/session';

export interface GrantKeys {
  readonly signing: SigningKey;
  /** The first one signs; the others did, or will. */
  readonly told: readonly GrantKey[];
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
  const [signing] = keys;
  if (!signing) throw new Error('there is no key to sign grants with');
  return { signing, told: keys.map(({ publicKey }) => grantKeyOf(publicKey)) };
}
