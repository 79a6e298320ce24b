import type { Area } from '../area.js';
import { GrantController } from './grant.controller.js';
import { GrantListController } from './grant-list/grant-list.controller.js';
import { GrantRow } from './grant-list/grant-list.entity.js';
import { grantListProjection } from './grant-list/grant-list.projection.js';

/** Who holds which role where. */
export const grantArea: Area = {
  entities: [GrantRow],
  inline: [grantListProjection],
  compose: () => ({ controllers: [GrantController, GrantListController] }),
};
