import type { Area } from '../area.js';
import { RoleController } from '../role/role.controller.js';

/** Policies as versions, the access matrix, the mode. */
export const versionArea: Area = {
  compose: () => ({ controllers: [RoleController] }),
};
