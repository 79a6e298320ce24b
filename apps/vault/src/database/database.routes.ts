import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Asker } from '../asker.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect/dialect-route.js';
import { Leases } from '../lease/leases.service.js';
import { DatabaseConfigs } from './database-configs.service.js';
import { databaseInput, entryName, roleInput, staticRoleInput } from './database-input.js';
import { DatabaseRoles } from './database-roles.service.js';
import { databaseView, entryNames, roleView } from './database-views.js';
import { permitted } from './permission.js';
import { StaticRoles } from './static-roles.service.js';

const params = z.object({ name: entryName });
/** Clients list by GET with `list=true`. */
const query = z.object({ list: z.enum(['true', 'false']).optional() });

/** The database engine as Vault's clients know it, at `database/`. */
@Injectable()
export class DatabaseRoutes implements DialectRoutes {
  constructor(
    @Inject(DatabaseConfigs) private readonly configs: DatabaseConfigs,
    @Inject(DatabaseRoles) private readonly roles: DatabaseRoles,
    @Inject(StaticRoles) private readonly staticRoles: StaticRoles,
    @Inject(Leases) private readonly leases: Leases,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  get routes(): readonly DialectRoute[] {
    return [...this.#configs(), ...this.#roles(), ...this.#staticRoles(), ...this.#credentials()];
  }

  #configs(): DialectRoute[] {
    const { configs, authorize } = this;
    const path = '/v1/database/config/:name';
    return [
      this.#list('config', 'database', 'tenant/databases'),
      dialectRoute(
        { methods: ['GET'], path, summary: 'Shows a database, without its password', params },
        async (input, asker) => ({
          data: databaseView(await configs.view(authorize, asker, input.params.name)),
        }),
      ),
      dialectRoute(
        { methods: writeMethods, path, summary: 'Configures a database', params, body: databaseInput },
        async (input, asker) => {
          await configs.configure(authorize, asker, input.params.name, input.body);
          return undefined;
        },
      ),
      dialectRoute(
        { methods: ['DELETE'], path, summary: 'Removes a database without leases', params },
        async (input, asker) => {
          await configs.remove(authorize, asker, input.params.name);
          return undefined;
        },
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: '/v1/database/rotate-root/:name',
          summary: "Changes the vault's own password there",
          params,
        },
        async (input, asker) => {
          await configs.rotateRoot(authorize, asker, input.params.name);
          return undefined;
        },
      ),
    ];
  }

  #roles(): DialectRoute[] {
    const { roles, authorize } = this;
    const path = '/v1/database/roles/:name';
    return [
      this.#list('roles', 'role', 'tenant/database-roles'),
      dialectRoute({ methods: ['GET'], path, summary: 'Shows a role', params }, async (input, asker) => ({
        data: roleView(await roles.view(authorize, asker, input.params.name)),
      })),
      dialectRoute(
        { methods: writeMethods, path, summary: 'Writes a role', params, body: roleInput },
        async (input, asker) => {
          await roles.write(authorize, asker, input.params.name, input.body);
          return undefined;
        },
      ),
      dialectRoute({ methods: ['DELETE'], path, summary: 'Removes a role', params }, async (input, asker) => {
        await roles.remove(authorize, asker, input.params.name);
        return undefined;
      }),
    ];
  }

  #staticRoles(): DialectRoute[] {
    const { staticRoles, authorize } = this;
    const path = '/v1/database/static-roles/:name';
    return [
      this.#list('static-roles', 'static-role', 'tenant/static-roles'),
      dialectRoute({ methods: ['GET'], path, summary: 'Shows a static role', params }, async (input, asker) => {
        const { role } = await staticRoles.view(authorize, asker, input.params.name);
        const { database: db_name, username, rotationPeriodSeconds: rotation_period } = role;
        return { data: { db_name, username, rotation_period, rotation_statements: role.rotationStatements } };
      }),
      dialectRoute(
        { methods: writeMethods, path, summary: 'Takes an account over', params, body: staticRoleInput },
        async (input, asker) => {
          await staticRoles.write(authorize, asker, input.params.name, input.body);
          return undefined;
        },
      ),
      dialectRoute({ methods: ['DELETE'], path, summary: 'Forgets a static role', params }, async (input, asker) => {
        await staticRoles.remove(authorize, asker, input.params.name);
        return undefined;
      }),
      dialectRoute(
        {
          methods: writeMethods,
          path: '/v1/database/rotate-role/:name',
          summary: 'Changes the password of a static role',
          params,
        },
        async (input, asker) => {
          await staticRoles.rotateNow(authorize, asker, input.params.name);
          return undefined;
        },
      ),
    ];
  }

  #credentials(): DialectRoute[] {
    const { leases, staticRoles, authorize } = this;
    return [
      dialectRoute(
        {
          methods: ['GET'],
          path: '/v1/database/creds/:name',
          summary: 'Makes an account for a while',
          params,
          problems: ['database_refused', 'database_unavailable', 'credentials_given_already', 'too_many_leases'],
        },
        async (input, asker) => {
          const lease = await leases.issue(authorize, asker, input.params.name);
          const { path: id, durationSeconds, renewable, username, password } = lease;
          return { data: { username, password }, lease: { id, durationSeconds, renewable } };
        },
      ),
      dialectRoute(
        {
          methods: ['GET'],
          path: '/v1/database/static-creds/:name',
          summary: 'Gives the password of a static role',
          params,
          problems: ['rotation_pending', 'database_unavailable'],
        },
        async (input, asker) => {
          const found = await staticRoles.credentials(authorize, asker, input.params.name);
          const { username, password, rotatedAt, periodSeconds: rotation_period } = found;
          const ttl = Math.max(0, Math.round((rotatedAt - Date.now()) / 1_000) + rotation_period);
          const last_vault_rotation = new Date(rotatedAt).toISOString();
          return { data: { username, password, last_vault_rotation, rotation_period, ttl } };
        },
      ),
    ];
  }

  #list(segment: string, kind: string, resource: string): DialectRoute {
    return dialectRoute(
      { methods: ['GET'], path: `/v1/database/${segment}`, summary: `Lists ${segment} by name`, query },
      async (_input, asker: Asker) => {
        const { tenantId } = await permitted(this.authorize, asker, 'database.read', resource);
        return { data: { keys: await entryNames(this.platform.database.request, tenantId, kind) } };
      },
    );
  }
}
