import { knownKeysProjection } from '@gatehouse/authn';
import { loadRootKey, type RootKey } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { DynamicModule } from '@nestjs/common';
import type pg from 'pg';
import type { z } from 'zod';
import { bootstrapCommand } from './bootstrap/bootstrap.command.js';
import { offerSetupCommand } from './bootstrap/offer-setup.command.js';
import { CreateKeyController } from './key/create-key/create-key.controller.js';
import { DisableKeyController } from './key/disable-key/disable-key.controller.js';
import { EnableKeyController } from './key/enable-key/enable-key.controller.js';
import { KeyListController } from './key/key-list/key-list.controller.js';
import { KeyRow } from './key/key-list/key-list.entity.js';
import { keyListProjection } from './key/key-list/key-list.projection.js';
import { MeController } from './me/me.controller.js';
import { Foundation1700000000001 } from './migrations/1-foundation.js';
import { identitySettings } from './settings.js';
import { RedeemSetupController } from './setup/redeem-setup/redeem-setup.controller.js';
import { setupOffersProjection } from './setup/setup-offers/setup-offers.projection.js';
import { databaseProblem, refuseSharedKey, refuseWrongDatabase } from './start-checks.service.js';
import { ReadTenantController } from './tenant/read-tenant/read-tenant.controller.js';

const service = 'identity';
const inlineProjections = [keyListProjection, setupOffersProjection];
const migrations = [Foundation1700000000001];

export const identityService: ServiceDefinition<typeof identitySettings> = {
  name: service,
  settings: identitySettings,
  entities: [KeyRow],
  migrations,
  compose,
  commands: {
    bootstrap: bootstrapCommand(openStore),
    'offer-setup': offerSetupCommand(openStore),
  },
};

/** The log with the read models that are written with it, on connections of the request role. */
function openStore(pool: pg.Pool): PostgresEventStore {
  const inline = inlineProjections.map((projection) => asInline(projection, service));
  return new PostgresEventStore({ service, pool, inline });
}

function compose(platform: Platform, settings: z.output<typeof identitySettings>): Composition {
  const root = loadRootKey(settings.ROOT_KEY_FILE);
  refuseSharedKey(platform.pepper, root);
  for (const projection of [...inlineProjections, knownKeysProjection(service)]) platform.project(projection);
  const problem = () => findProblem(platform, root);
  return {
    module: identityModule(openStore(platform.database.request)),
    checks: [{ name: 'schema', check: async () => toCheck(await problem()) }],
    start: () => refuseWrongDatabase(problem()),
  };
}

const findProblem = ({ database }: Platform, root: RootKey): Promise<string | undefined> =>
  databaseProblem(
    database.system,
    migrations.map(({ name }) => name),
    root,
  );

const toCheck = (problem: string | undefined) => (problem === undefined ? 'ok' : { problem });

const identityModule = (store: PostgresEventStore): DynamicModule => ({
  module: class IdentityModule {},
  controllers: [
    CreateKeyController,
    KeyListController,
    DisableKeyController,
    EnableKeyController,
    ReadTenantController,
    RedeemSetupController,
    MeController,
  ],
  providers: [{ provide: PostgresEventStore, useValue: store }],
});
