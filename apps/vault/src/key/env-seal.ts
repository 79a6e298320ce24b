import { keyFromText, type RootKey, rootKeyOf, unwrapKey, wrapKey } from '@gatehouse/crypto';
import type { Seal } from './seal.js';

/**
 * A key in an environment variable. Who made the process can still read it there (`/proc/<pid>/environ` keeps what it was
 * started with, whatever is deleted later), and so can its children's children before us: a file is better.
 */
export function envSeal(text: string, variable: string): Seal {
  const key: RootKey = rootKeyOf(keyFromText(text, variable));
  return {
    kind: 'env',
    ready: true,
    wrap: async (rootKey, context) => wrapKey(key, rootKey, context),
    unwrap: async (wrapped, context) => unwrapKey(key, wrapped, context),
    forget: () => undefined,
  };
}
