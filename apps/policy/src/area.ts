import type { PostgresEventStore } from '@gatehouse/event-store';
import type { ReadinessCheck } from '@gatehouse/http';
import type { Projection } from '@gatehouse/projection';
import type { Platform, ServiceDefinition } from '@gatehouse/service';
import type { Provider, Type } from '@nestjs/common';
import type { z } from 'zod';
import type { DecisionPoint } from './decision/decision-point.js';
import type { Facts } from './facts/facts.js';
import type { PastFacts } from './history/past-facts.js';
import type { policySettings } from './settings.js';
import type { ActivePolicies } from './version/active-policies.js';

/** What an area may build on. */
export interface AreaContext {
  readonly platform: Platform;
  readonly settings: z.output<typeof policySettings>;
  readonly store: PostgresEventStore;
  /** Everything a decision reads, in memory. */
  readonly facts: Facts;
  /** What each tenant decides by now. */
  readonly policies: ActivePolicies;
  /** Facts and policies as they were. */
  readonly past: PastFacts;
  readonly decisions: DecisionPoint;
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
  readonly migrations?: ServiceDefinition<typeof policySettings>['migrations'];
  // Entity classes, as TypeORM takes them.
  readonly entities?: readonly (abstract new () => object)[];
  /** Read models written in the transaction of their events, so that a caller reads back what it wrote. */
  readonly inline?: readonly Projection[];
  readonly compose?: (context: AreaContext) => AreaParts;
}
