import type { Authorize, ReadinessCheck, ReadVerb } from '@gatehouse/http';
import type { DynamicModule, Type } from '@nestjs/common';
import type { z } from 'zod';
import type { OpenDatabaseOptions } from './database.js';
import type { MigrationClass } from './migrate.js';
import type { Platform } from './platform.js';
import type { platformSettings } from './settings.js';

/** What a service adds to the platform. */
export interface Composition {
  /** The Nest module with its controllers. */
  readonly module: Type | DynamicModule;
  /** How its routes ask for a decision; by default over NATS from policy. */
  readonly authorize?: Authorize;
  readonly checks?: readonly ReadinessCheck[];
  /** True for a service that answers without NATS: readiness then does not depend on it. */
  readonly worksWithoutBus?: boolean;
  /** False: `currentTrace()` does not work in handlers of this service, and none of its requests pays for it. */
  readonly asyncTrace?: boolean;
  /** Methods of another system that are understood as GET. */
  readonly readVerbs?: readonly ReadVerb[];
  /** Runs after the platform started; stopped before it. */
  readonly start?: () => void | Promise<void>;
  readonly stop?: () => Promise<void>;
}

/** One service: its name is also its schema, its NATS user and the first part of its routes. */
export interface ServiceDefinition<S extends typeof platformSettings> {
  readonly name: string;
  readonly settings: S;
  readonly entities: OpenDatabaseOptions['entities'];
  readonly migrations: readonly MigrationClass[];
  readonly channels?: readonly string[];
  readonly compose: (platform: Platform, settings: z.output<S>) => Composition | Promise<Composition>;
  /** Commands beside `serve` and `migrate`. */
  readonly commands?: Readonly<Record<string, Command<S>>>;
}

export type Command<S extends typeof platformSettings> = (context: {
  readonly env: NodeJS.ProcessEnv;
  readonly args: readonly string[];
  readonly definition: ServiceDefinition<S>;
}) => Promise<void>;
