import type { PostgresEventStore } from '@gatehouse/event-store';
import type { ReadinessCheck } from '@gatehouse/http';
import type { Projection } from '@gatehouse/projection';
import type { Platform, ServiceDefinition } from '@gatehouse/service';
import type { Provider, Type } from '@nestjs/common';
import type { DialectRoutes } from './dialect/dialect-route.js';
import type { Keyring } from './key/keyring.js';
import type { Keys } from './key/keys.js';
import type { VaultSettings, vaultSettings } from './settings.js';

/** What an area may build on. */
export interface AreaContext {
  readonly platform: Platform;
  readonly settings: VaultSettings;
  readonly store: PostgresEventStore;
  /** Seals and opens everything that is secret. */
  readonly keyring: Keyring;
  readonly keys: Keys;
}

export interface AreaParts {
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  /** Groups of routes under `/v1/`. They are providers, too. */
  readonly dialect?: readonly Type<DialectRoutes>[];
  readonly checks?: readonly ReadinessCheck[];
  readonly start?: () => void | Promise<void>;
  readonly stop?: () => Promise<void>;
}

/** A part of this service: one row of the table in `app.module.ts`. */
export interface Area {
  readonly migrations?: ServiceDefinition<typeof vaultSettings>['migrations'];
  /** NOTIFY channels that it listens to. */
  readonly channels?: readonly string[];
  // Entity classes, as TypeORM takes them.
  readonly entities?: readonly (abstract new () => object)[];
  /** Read models written in the transaction of their events, so that a caller reads back what it wrote. */
  readonly inline?: readonly Projection[];
  readonly compose?: (context: AreaContext) => AreaParts;
}
