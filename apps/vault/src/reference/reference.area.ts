import type { Area } from '../area.js';
import { Consumers1700000002801 } from '../migrations/2801-consumers.js';
import { VersionChanges } from './changes/version-changes.js';
import { ConsumerController } from './consumer.controller.js';
import { consumersProjection } from './consumer-list/consumers.projection.js';
import { Consumers } from './consumers.js';
import { ReferenceListController } from './reference-list.controller.js';

/** Where secrets are used: who references which, what is mounted, and who is told of a new version. */
export const referenceArea: Area = {
  migrations: [Consumers1700000002801],
  inline: [consumersProjection],
  compose: ({ platform }) => ({
    controllers: [ConsumerController, ReferenceListController],
    providers: [
      { provide: Consumers, useValue: new Consumers(platform.database.request, platform.pepper) },
      { provide: VersionChanges, useValue: new VersionChanges(platform.database.request, platform.wake) },
    ],
  }),
};
