import { knownDevicesProjection } from '@gatehouse/authn';
import type { Area } from '../area.js';
import { CreateKeyController } from './create-key/create-key.controller.js';
import { DisableKeyController } from './disable-key/disable-key.controller.js';
import { EnableKeyController } from './enable-key/enable-key.controller.js';
import { FindKeyController } from './find-key/find-key.controller.js';
import { ImportKeysController } from './import-keys/import-keys.controller.js';
import { Keys1700000000061 } from './key.migration.js';
import { keyFingerprintsProjection } from './key-fingerprints.projection.js';
import { KeyListController } from './key-list/key-list.controller.js';
import { KeyRow } from './key-list/key-list.entity.js';
import { keyListProjection } from './key-list/key-list.projection.js';
import { KeyUses } from './key-use/key-uses.service.js';
import { KnownCallers1700000000060 } from './known-callers.migration.js';
import { KnownDevices1700000000130 } from './known-devices.migration.js';
import { RotateKeyController } from './rotate-key/rotate-key.controller.js';

export const keyArea: Area = {
  migrations: [KnownCallers1700000000060, Keys1700000000061, KnownDevices1700000000130],
  entities: [KeyRow],
  inline: () => [keyListProjection, keyFingerprintsProjection],
  compose: (context) => {
    const uses = new KeyUses(context);
    context.observations.add(uses.take);
    // The only callers that identity does not know by itself.
    context.platform.consume({
      ...{ durable: 'identity_devices', sources: ['registry'], parks: true, exclusive: true },
      apply: knownDevicesProjection.apply,
    });
    return {
      controllers: [
        CreateKeyController,
        KeyListController,
        DisableKeyController,
        EnableKeyController,
        RotateKeyController,
        FindKeyController,
        ImportKeysController,
      ],
      providers: [{ provide: KeyUses, useValue: uses }],
      personalData: [uses.personalData],
      retention: [uses.retention],
    };
  },
};
