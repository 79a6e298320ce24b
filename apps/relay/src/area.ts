import type { PostgresEventStore } from '@gatehouse/event-store';
import type { ReadinessCheck } from '@gatehouse/http';
import type { Projection } from '@gatehouse/projection';
import type { Platform, ServiceDefinition } from '@gatehouse/service';
import type { Provider, Type } from '@nestjs/common';
import type { RelaySettings, relaySettings } from './settings.js';

/** What an area may build on. */
export interface AreaContext {
  readonly platform: Platform;
  readonly settings: RelaySettings;
  readonly store: PostgresEventStore;
}

export interface AreaParts {
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  readonly checks?: readonly ReadinessCheck[];
  readonly start?: () => void | Promise<void>;
  readonly stop?: () => Promise<void>;
}

/** A part of this service: one row of the table in `app.module.ts`. */
export interface Area {
  readonly migrations?: ServiceDefinition<typeof relaySettings>['migrations'];
  /** NOTIFY channels that it listens to. */
  readonly channels?: readonly string[];
  /** Read models written in the transaction of their events. */
  readonly inline?: readonly Projection[];
  readonly compose?: (context: AreaContext) => AreaParts;
}
