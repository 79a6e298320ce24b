import { PostgresEventStore } from '@gatehouse/event-store';
import { vaultVerbs } from '@gatehouse/http';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import type { Area, AreaContext, AreaParts } from './area.js';
import { callerArea } from './caller/caller.area.js';
import { dialectArea } from './dialect/dialect.area.js';
import { DIALECT_ROUTES, type DialectRoutes } from './dialect/dialect-route.js';
import { disclosureArea } from './disclosure/disclosure.area.js';
import { configuredSeals } from './key/configured-seals.js';
import { keyArea } from './key/key.area.js';
import { Keyring } from './key/keyring.js';
import { openKeys } from './key/keys.js';
import { sealedTables } from './key/sealed-tables.js';
import { leaseArea } from './lease/lease.area.js';
import { Foundation1700000001001 } from './migrations/1-foundation.js';
import { referenceArea } from './reference/reference.area.js';
import { rotationArea } from './rotation/rotation.area.js';
import { fsckCommand } from './secret/fsck/fsck.command.js';
import { secretArea } from './secret/secret.area.js';
import { type VaultSettings, vaultSettings } from './settings.js';
import { tokenArea } from './token/token.area.js';
import { transitArea } from './transit/transit.area.js';

const areas: readonly Area[] = [
  callerArea,
  keyArea,
  tokenArea,
  secretArea,
  referenceArea,
  disclosureArea,
  rotationArea,
  leaseArea,
  dialectArea,
  transitArea,
];
const inlineProjections = areas.flatMap((area) => area.inline ?? []);

export const vaultService: ServiceDefinition<typeof vaultSettings> = {
  name: 'vault',
  settings: vaultSettings,
  channels: areas.flatMap((area) => area.channels ?? []),
  entities: areas.flatMap((area) => area.entities ?? []),
  migrations: [Foundation1700000001001, ...areas.flatMap((area) => area.migrations ?? [])],
  compose,
  commands: { fsck: fsckCommand },
};

function compose(platform: Platform, settings: VaultSettings): Composition {
  const context = contextOf(platform, settings);
  for (const projection of inlineProjections) platform.project(projection);
  const parts = areas.map((area) => area.compose?.(context) ?? {});
  return {
    module: vaultModule(context, parts),
    asyncTrace: false,
    readVerbs: vaultVerbs,
    checks: parts.flatMap(({ checks = [] }) => checks),
    start: async () => {
      for (const { start } of parts) await start?.();
    },
    stop: async () => {
      for (const { stop } of [...parts].reverse()) await stop?.();
    },
  };
}

function contextOf(platform: Platform, settings: VaultSettings): AreaContext {
  const { database } = platform;
  const inline = inlineProjections.map((projection) => asInline(projection, 'vault'));
  const store = new PostgresEventStore({ service: 'vault', pool: database.request, inline });
  const keys = openKeys({
    ...configuredSeals(settings),
    pool: database.system,
    store,
    wake: platform.wake,
    operatorTenant: settings.OPERATOR_TENANT,
    defaults: { shares: settings.SEAL_SHARES, threshold: settings.SEAL_THRESHOLD },
    tables: sealedTables,
    warn: (message) => platform.warn(message),
  });
  return { platform, settings, store, keys, keyring: keys.keyring };
}

const vaultModule = ({ store, keyring }: AreaContext, parts: readonly AreaParts[]): DynamicModule => ({
  module: class VaultModule {},
  controllers: parts.flatMap(({ controllers = [] }) => controllers),
  providers: [
    { provide: PostgresEventStore, useValue: store },
    { provide: Keyring, useValue: keyring },
    ...parts.flatMap(({ providers = [] }) => providers),
    ...dialectProviders(parts.flatMap(({ dialect = [] }) => dialect)),
  ],
});

const dialectProviders = (groups: readonly Type<DialectRoutes>[]): Provider[] => [
  ...groups,
  {
    provide: DIALECT_ROUTES,
    inject: [...groups],
    useFactory: (...made: DialectRoutes[]) => made.flatMap(({ routes }) => routes),
  },
];
