import type { Area } from '../area.js';
import { Memberships } from './memberships.service.js';
import { ReadTenantController } from './organization/read-tenant/read-tenant.controller.js';
import { tenantsProjection } from './organization/tenants.projection.js';
import { Tenancy1700000000010 } from './tenancy.migration.js';

export const tenancyArea: Area = {
  migrations: [Tenancy1700000000010],
  inline: () => [tenantsProjection],
  compose: ({ memberships }) => ({
    controllers: [ReadTenantController],
    providers: [{ provide: Memberships, useValue: memberships }],
  }),
};
