import type { Area } from '../area.js';
import { Keys1700000002001 } from '../migrations/2-keys.js';

/** Root key, tenant keys, and what seals them. */
export const keyArea: Area = {
  migrations: [Keys1700000002001],
  compose: ({ keyring, platform }) => ({
    checks: [{ name: 'seal', check: async () => (keyring.sealed ? { problem: 'the vault is sealed' } : 'ok') }],
    start: async () => {
      await keyring.unseal().catch(platform.warn('the vault stays sealed'));
    },
    stop: async () => keyring.forget(),
  }),
};
