import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { loadOrCreateRootKey, loadRootKey, type RootKey, unwrapKey, wrapKey } from '@gatehouse/crypto';

/** What the root key is sealed with: a file, an environment variable, shares of people, a KMS. */
export interface Seal {
  readonly kind: string;
  wrap(rootKey: KeyObject, context: string): Promise<Buffer>;
  /** @throws CryptoError `wrong_key`, `not_authentic`, or what keeps the seal's own key away */
  unwrap(wrapped: Uint8Array, context: string): Promise<KeyObject>;
}

/** A key in a file of mode 0600. Made only where nothing has been sealed yet: a new key would open nothing. */
export function fileSeal(path: string | undefined): Seal {
  const load = (): RootKey => {
    if (path === undefined) throw new Error('SEAL_KEY_FILE is required with SEAL=file');
    return loadRootKey(path);
  };
  return {
    kind: 'file',
    wrap: async (rootKey, context) => {
      const key = path !== undefined && !existsSync(path) ? loadOrCreateRootKey(path) : load();
      return wrapKey(key, rootKey, context);
    },
    unwrap: async (wrapped, context) => unwrapKey(load(), wrapped, context),
  };
}
