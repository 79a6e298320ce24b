import type { Area } from '../area.js';
import { ShareController } from '../share/share.controller.js';
import { GrantController } from './grant.controller.js';
import { GrantListController } from './grant-list/grant-list.controller.js';
import { GrantRow } from './grant-list/grant-list.entity.js';
import { grantListProjection } from './grant-list/grant-list.projection.js';
import { Granting } from './granting.service.js';

/** Who holds which role where; sharing a resource is a grant on it. */
export const grantArea: Area = {
  entities: [GrantRow],
  inline: [grantListProjection],
  compose: ({ platform, store, facts, policies }) => ({
    controllers: [GrantController, GrantListController, ShareController],
    providers: [{ provide: Granting, useValue: new Granting({ store, facts, policies, pepper: platform.pepper }) }],
  }),
};
