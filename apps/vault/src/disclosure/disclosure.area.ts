import type { Area } from '../area.js';
import { Disclosures1700000002701 } from '../migrations/2701-disclosures.js';
import { BlastRadiusController } from './blast-radius.controller.js';
import { DisclosureRow } from './disclosure.entity.js';
import { DisclosureListController } from './disclosure-list.controller.js';
import { ExposureController } from './exposure.controller.js';
import { FindValueController } from './find-value.controller.js';
import { mayBeDisclosure } from './recorded-disclosure.js';
import { storeDisclosures } from './store-disclosures.js';

/** What the vault can answer afterwards: who was given which version, and whether a string was ever a secret. */
export const disclosureArea: Area = {
  migrations: [Disclosures1700000002701],
  entities: [DisclosureRow],
  compose: ({ platform }) => {
    // Policy recorded each before the value left: what is here is complete, and about a second late.
    platform.consume({
      durable: 'vault_disclosures',
      sources: ['policy'],
      parks: true,
      exclusive: true,
      concerns: mayBeDisclosure,
      apply: storeDisclosures,
    });
    return {
      controllers: [DisclosureListController, FindValueController, BlastRadiusController, ExposureController],
    };
  },
};
