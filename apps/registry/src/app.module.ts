import { PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { DynamicModule } from '@nestjs/common';
import type { Area, AreaContext, AreaParts } from './area.js';
import { callerArea } from './caller/caller.area.js';
import { deviceArea } from './device/device.area.js';
import { grantKeyArea } from './grant-key/grant-key.area.js';
import { loadGrantKeys } from './grant-key/grant-keys.js';
import { Foundation1700000003001 } from './migrations/1-foundation.js';
import { ownerArea } from './owner/owner.area.js';
import { presenceArea } from './presence/presence.area.js';
import { registrationArea } from './registration/registration.area.js';
import { sessionArea } from './session/session.area.js';
import { type RegistrySettings, registrySettings } from './settings.js';

const service = 'registry';

const areas: readonly Area[] = [
  callerArea,
  grantKeyArea,
  registrationArea,
  ownerArea,
  presenceArea,
  sessionArea,
  deviceArea,
];
const inlineProjections = areas.flatMap((area) => area.inline ?? []);

export const registryService: ServiceDefinition<typeof registrySettings> = {
  name: service,
  settings: registrySettings,
  entities: [],
  migrations: [Foundation1700000003001, ...areas.flatMap((area) => area.migrations ?? [])],
  compose,
};

function compose(platform: Platform, settings: RegistrySettings): Composition {
  const inline = inlineProjections.map((projection) => asInline(projection, service));
  const store = new PostgresEventStore({ service, pool: platform.database.request, inline });
  const context: AreaContext = { platform, settings, store, grantKeys: loadGrantKeys(settings) };
  for (const projection of inlineProjections) platform.project(projection);
  const parts = areas.map((area) => area.compose?.(context) ?? {});
  return {
    module: registryModule(context, parts),
    asyncTrace: false,
    checks: parts.flatMap(({ checks = [] }) => checks),
    start: async () => {
      for (const { start } of parts) await start?.();
    },
    stop: async () => {
      for (const { stop } of [...parts].reverse()) await stop?.();
    },
  };
}

const registryModule = ({ store }: AreaContext, parts: readonly AreaParts[]): DynamicModule => ({
  module: class RegistryModule {},
  controllers: parts.flatMap(({ controllers = [] }) => controllers),
  providers: [{ provide: PostgresEventStore, useValue: store }, ...parts.flatMap(({ providers = [] }) => providers)],
});
