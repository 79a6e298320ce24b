import type { Area } from '../area.js';
import { PolicyVersions1700000000110 } from '../migrations/9-policy-versions.js';
import { RoleController } from '../role/role.controller.js';
import { VersionRow } from './version-list/version-list.entity.js';
import { versionListProjection } from './version-list/version-list.projection.js';

/** Policies as versions, the access matrix, the mode. */
export const versionArea: Area = {
  migrations: [PolicyVersions1700000000110],
  entities: [VersionRow],
  inline: [versionListProjection],
  compose: () => ({ controllers: [RoleController] }),
};
