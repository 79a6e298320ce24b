import { PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { Area } from './area.js';
import { callerArea } from './caller/caller.area.js';
import { relayArea } from './listener/relay.area.js';
import { Foundation1700000005001 } from './migrations/1-foundation.js';
import { type RelaySettings, relaySettings } from './settings.js';

const areas: readonly Area[] = [callerArea, relayArea];
const inlineProjections = areas.flatMap((area) => area.inline ?? []);

export const relayService: ServiceDefinition<typeof relaySettings> = {
  name: 'relay',
  settings: relaySettings,
  channels: areas.flatMap((area) => area.channels ?? []),
  entities: [],
  migrations: [Foundation1700000005001, ...areas.flatMap((area) => area.migrations ?? [])],
  compose,
};

function compose(platform: Platform, settings: RelaySettings): Composition {
  const inline = inlineProjections.map((projection) => asInline(projection, 'relay'));
  const store = new PostgresEventStore({ service: 'relay', pool: platform.database.request, inline });
  for (const projection of inlineProjections) platform.project(projection);
  const parts = areas.map((area) => area.compose?.({ platform, settings, store }) ?? {});
  return {
    module: {
      module: class RelayModule {},
      controllers: parts.flatMap(({ controllers = [] }) => controllers),
      providers: parts.flatMap(({ providers = [] }) => providers),
    },
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
