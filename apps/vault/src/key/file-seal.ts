import { type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import {
  createKeyFile,
  loadOrCreateRootKey,
  loadRootKey,
  type RootKey,
  unwrapKey,
  wrapKey,
  wrappedUnder,
} from '@gatehouse/crypto';
import type { Seal, StoreRewrapped } from './seal.js';

/**
 * A key in a file of mode 0600. Beside the data it keeps out whoever has a copy of the database alone: nobody who has the
 * disk.
 */
export function fileSeal(path: string): Seal {
  const next = `${path}.next`;
  return {
    kind: 'file',
    ready: true,
    create: () => void loadOrCreateRootKey(path),
    wrap: async (rootKey, context) => wrapKey(loadRootKey(path), rootKey, context),
    unwrap: async (wrapped, context) => unwrapKey(keyFor(wrapped), wrapped, context),
    rekey: async (_wanted, store) => {
      await replaceKey(store);
      return [];
    },
    forget: () => undefined,
  };

  /** After a crash between the commit and the rename the key that is needed is still under its other name. */
  function keyFor(wrapped: Uint8Array): RootKey {
    if (!existsSync(next)) return loadRootKey(path);
    const made = loadRootKey(next);
    if (made.id !== wrappedUnder(wrapped)) return loadRootKey(path);
    renameSync(next, path);
    return made;
  }

  async function replaceKey(store: StoreRewrapped): Promise<void> {
    // Left by a rekeying that was never committed: `keyFor` would have taken it otherwise.
    rmSync(next, { force: true });
    createKeyFile(next, randomBytes(32));
    const made = loadRootKey(next);
    await store(async (rootKey: KeyObject, context: string) => wrapKey(made, rootKey, context), {});
    renameSync(next, path);
  }
}
