import type { Area } from '../area.js';
import { Foundation1700000000001 } from '../migrations/1-foundation.js';
import { RedeemSetupController } from './redeem-setup/redeem-setup.controller.js';
import { setupOffersProjection } from './setup-offers/setup-offers.projection.js';

/** The first tables of this service, keys and subject keys among them, and the way in for the first owner. */
export const setupArea: Area = {
  migrations: [Foundation1700000000001],
  inline: () => [setupOffersProjection],
  compose: () => ({ controllers: [RedeemSetupController] }),
};
