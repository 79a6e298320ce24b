import type { Area } from '../area.js';
import { ReadTenantController } from '../tenant/read-tenant/read-tenant.controller.js';

export const tenancyArea: Area = {
  migrations: [],
  compose: () => ({ controllers: [ReadTenantController] }),
};
