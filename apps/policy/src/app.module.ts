import { GroupCommit, PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import { gauge, observedCounter } from '@gatehouse/telemetry';
import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';
import type { Area, AreaContext, AreaParts } from './area.js';
import { callerArea } from './caller/caller.area.js';
import { authorizeLocally } from './decision/authorize.js';
import { decisionArea } from './decision/decision.area.js';
import { DecisionPoint } from './decision/decision-point.js';
import { DECISION_POINT } from './decision/tokens.js';
import { entityArea } from './entity/entity.area.js';
import { Facts } from './facts/facts.js';
import { grantArea } from './grant/grant.area.js';
import { historyArea } from './history/history.area.js';
import { PastFacts } from './history/past-facts.js';
import { metadataArea } from './metadata/metadata.area.js';
import { Foundation1700000000001 } from './migrations/1-foundation.js';
import { personalDataArea } from './personal-data/personal-data.area.js';
import { RateLimiter } from './rate/rate-limiter.js';
import { searchArea } from './search/search.area.js';
import { policySettings } from './settings.js';
import { simulationArea } from './simulation/simulation.area.js';
import { ActivePolicies } from './version/active-policies.js';
import { versionArea } from './version/version.area.js';

type Settings = z.output<typeof policySettings>;

const areas: readonly Area[] = [
  callerArea,
  grantArea,
  entityArea,
  versionArea,
  decisionArea,
  searchArea,
  metadataArea,
  historyArea,
  simulationArea,
  personalDataArea,
];
const inlineProjections = areas.flatMap((area) => area.inline ?? []);

export const policyService: ServiceDefinition<typeof policySettings> = {
  name: 'policy',
  settings: policySettings,
  entities: areas.flatMap((area) => area.entities ?? []),
  migrations: [Foundation1700000000001, ...areas.flatMap((area) => area.migrations ?? [])],
  compose,
};

function compose(platform: Platform, settings: Settings): Composition {
  const { context, commits, limiter } = contextOf(platform, settings);
  const { facts, decisions } = context;
  for (const projection of inlineProjections) platform.project(projection);
  const parts = areas.map((area) => area.compose?.(context) ?? {});
  registerMetrics(context, commits, limiter);
  return {
    module: policyModule(context, parts),
    authorize: authorizeLocally(decisions),
    worksWithoutBus: true,
    asyncTrace: false,
    checks: [
      { name: 'facts', check: async () => (facts.loaded ? 'ok' : { problem: 'facts are being loaded' }) },
      ...parts.flatMap(({ checks = [] }) => checks),
    ],
    start: async () => {
      facts.start();
      limiter.start();
      for (const { start } of parts) await start?.();
    },
    stop: async () => {
      for (const { stop } of [...parts].reverse()) await stop?.();
      limiter.stop();
      await commits.drain();
      await facts.stop();
    },
  };
}

function contextOf(platform: Platform, settings: Settings) {
  const { database, wake } = platform;
  const inline = inlineProjections.map((projection) => asInline(projection, 'policy'));
  const store = new PostgresEventStore({ service: 'policy', pool: database.request, inline });
  const policies = new ActivePolicies({ pool: database.system, onError: platform.warn('a policy cannot be used') });
  const facts = new Facts({
    pool: database.system,
    wake,
    policies,
    onError: platform.warn('facts could not be read'),
  });
  const commits = new GroupCommit({
    service: 'policy',
    pool: database.system,
    writers: settings.DECISION_WRITERS,
    maxQueue: settings.DECISION_QUEUE,
  });
  const limiter = new RateLimiter({
    query: database.system,
    onError: platform.warn('rate limits could not be tidied'),
  });
  const decisions = new DecisionPoint({ facts, policies, commits, limiter, pepper: platform.pepper });
  const past = new PastFacts({
    pool: database.system,
    compiled: (tenantId, digest) => policies.versionOf(tenantId, digest),
    maxEvents: settings.PAST_EVENTS,
  });
  const context: AreaContext = { platform, settings, store, facts, policies, past, decisions };
  return { context, commits, limiter };
}

const policyModule = ({ store, facts, decisions }: AreaContext, parts: readonly AreaParts[]): DynamicModule => ({
  module: class PolicyModule {},
  controllers: parts.flatMap(({ controllers = [] }) => controllers),
  providers: [
    { provide: PostgresEventStore, useValue: store },
    { provide: Facts, useValue: facts },
    { provide: DECISION_POINT, useValue: decisions },
    ...parts.flatMap(({ providers = [] }) => providers),
  ],
});

function registerMetrics({ facts, past }: AreaContext, commits: GroupCommit, limiter: RateLimiter): void {
  gauge('gatehouse_facts_grants', 'Grants in memory', () => facts.live.size);
  gauge(
    'gatehouse_facts_closed_tenants',
    'Tenants of which an event could not be applied',
    () => facts.live.refused.size,
  );
  gauge('gatehouse_past_events', 'Events of the past in memory', () => past.size);
  gauge('gatehouse_decisions_queued', 'Decisions waiting to be written', () => commits.queued);
  observedCounter('gatehouse_decisions_recorded_total', 'Decisions recorded', () => commits.written.weight);
  observedCounter('gatehouse_decision_batches_total', 'Batches of decisions written', () => commits.written.batches);
  gauge('gatehouse_rate_buckets', 'Counts of rate limits that are not full', () => limiter.size);
}
