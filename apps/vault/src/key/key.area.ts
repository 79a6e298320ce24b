import type { Area } from '../area.js';

/** Root key, tenant keys, and what seals them. */
export const keyArea: Area = {
  compose: ({ keyring, platform }) => ({
    checks: [{ name: 'seal', check: async () => (keyring.sealed ? { problem: 'the vault is sealed' } : 'ok') }],
    start: async () => {
      await keyring.unseal().catch(platform.warn('the vault stays sealed'));
    },
    stop: async () => keyring.forget(),
  }),
};
