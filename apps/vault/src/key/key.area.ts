import type { Exclusive } from '@gatehouse/event-store';
import type { Area } from '../area.js';
import { Keys1700000002001 } from '../migrations/2-keys.js';
import { SealedInserts1700000003001 } from '../migrations/3001-sealed-inserts.js';
import { keyChannel } from './key-log.js';
import { RootKeyRotation } from './root-key-rotation.js';
import { RootKeys } from './root-keys.js';
import { SealController } from './seal.controller.js';
import type { SealKind } from './seal.js';
import { SealControl } from './seal-control.js';
import { TenantKeyRotation } from './tenant-key-rotation.js';
import { TenantSealController } from './tenant-seal.controller.js';
import { TenantSeals } from './tenant-seal.service.js';

/** Said at every start: what these seals do not keep out. */
const weakSeals: Partial<Record<SealKind, string>> = {
  file: 'SEAL=file: the key that opens every secret is a file. Beside the data it protects against nobody who has the disk',
  env: 'SEAL=env: the key that opens every secret is in the environment, where others may see it (/proc/<pid>/environ)',
};

/** Root key, tenant keys, and what seals them. */
export const keyArea: Area = {
  migrations: [Keys1700000002001, SealedInserts1700000003001],
  channels: [keyChannel],
  compose: ({ keys, platform }) => {
    const { keyring, follower, worker, sealKind } = keys;
    let rotations: Exclusive | undefined;
    return {
      controllers: [SealController, TenantSealController],
      providers: [
        { provide: SealControl, useValue: keys.control },
        { provide: RootKeys, useValue: keys.roots },
        { provide: RootKeyRotation, useValue: keys.rootKeyRotation },
        { provide: TenantKeyRotation, useValue: keys.tenantKeyRotation },
        { provide: TenantSeals, useValue: keys.tenantSeals },
      ],
      checks: [{ name: 'seal', check: async () => (keyring.sealed ? { problem: 'sealed' } : 'ok') }],
      start: () => {
        const warning = weakSeals[sealKind];
        if (warning) platform.logger.warn({ seal: sealKind }, `${warning}: docs/runbooks/vault-keys.md`);
        follower.start();
        rotations = platform.exclusively('key-rotation', ({ signal }) => worker.run(signal));
      },
      stop: async () => {
        await rotations?.stop();
        await follower.stop();
        keyring.forget();
      },
    };
  },
};
