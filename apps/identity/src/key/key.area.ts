import type { Area } from '../area.js';
import { CreateKeyController } from './create-key/create-key.controller.js';
import { DisableKeyController } from './disable-key/disable-key.controller.js';
import { EnableKeyController } from './enable-key/enable-key.controller.js';
import { KeyListController } from './key-list/key-list.controller.js';
import { KeyRow } from './key-list/key-list.entity.js';
import { keyListProjection } from './key-list/key-list.projection.js';
import { KnownCallers1700000000060 } from './known-callers.migration.js';

export const keyArea: Area = {
  migrations: [KnownCallers1700000000060],
  entities: [KeyRow],
  inline: () => [keyListProjection],
  compose: () => ({
    controllers: [CreateKeyController, KeyListController, DisableKeyController, EnableKeyController],
  }),
};
