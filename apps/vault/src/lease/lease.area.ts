import type { Area } from '../area.js';
import { DatabaseController } from '../database/database.controller.js';
import { DatabaseRoutes } from '../database/database.routes.js';
import { DatabaseConfigs } from '../database/database-configs.service.js';
import { databaseEntriesProjection } from '../database/database-entries.projection.js';
import { DatabaseRoleController } from '../database/database-role.controller.js';
import { DatabaseRoles } from '../database/database-roles.service.js';
import { Databases } from '../database/databases.service.js';
import { StaticRoleController } from '../database/static-role.controller.js';
import { StaticRoles } from '../database/static-roles.service.js';
import { Leases1700000002401 } from '../migrations/2401-leases.js';
import { LeaseController } from './lease.controller.js';
import { LeaseRoutes } from './lease.routes.js';
import { LeaseKeeper } from './lease-keeper.service.js';
import { leaseListProjection } from './lease-list/lease-list.projection.js';
import { Leases } from './leases.service.js';
import { RoleDropper } from './role-dropper.js';

/** Accounts of databases, made for a while and ended for sure. */
export const leaseArea: Area = {
  migrations: [Leases1700000002401],
  inline: [databaseEntriesProjection, leaseListProjection],
  compose: ({ platform, settings, store, keyring }) => {
    const pool = platform.database.request;
    const reach = {
      privateNetworks: settings.DATABASES_ON_PRIVATE_NETWORKS,
      loopback: settings.DATABASES_ON_LOOPBACK,
      weakestSslmode: settings.DATABASES_SSLMODE,
    };
    const parts = { store, keyring, pool, reach };
    const databases = new Databases(parts);
    const configs = new DatabaseConfigs({ ...parts, databases });
    const roles = new DatabaseRoles(store, databases);
    const staticRoles = new StaticRoles({ store, keyring, pool, databases });
    const onError = platform.warn('a lease will be ended by the keeper');
    const dropper = new RoleDropper({ store, databases, roles, onError });
    const keeper = new LeaseKeeper({
      platform,
      store,
      keyring,
      databases,
      staticRoles,
      dropper,
      scanMs: settings.LEASE_SCAN_SECONDS * 1_000,
      graceMs: settings.LEASE_GRACE_SECONDS * 1_000,
      alarmAfter: settings.LEASE_ALARM_AFTER,
    });
    const leases = new Leases({ store, pool, keyring, databases, roles, dropper });
    return {
      controllers: [DatabaseController, DatabaseRoleController, StaticRoleController, LeaseController],
      dialect: [DatabaseRoutes, LeaseRoutes],
      providers: [
        { provide: DatabaseConfigs, useValue: configs },
        { provide: DatabaseRoles, useValue: roles },
        { provide: StaticRoles, useValue: staticRoles },
        { provide: Leases, useValue: leases },
      ],
      start: () => keeper.start(),
      stop: () => keeper.stop(),
    };
  },
};
