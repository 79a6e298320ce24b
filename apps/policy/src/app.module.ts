import { knownCallersProjection, knownIssuersProjection } from '@gatehouse/authn';
import { GroupCommit, PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import { gauge, observedCounter } from '@gatehouse/telemetry';
import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';
import { authorizeLocally } from './decision/authorize.js';
import { DecisionPoint } from './decision/decision-point.js';
import { EvaluationController } from './decision/evaluation.controller.js';
import { MetadataController, PUBLIC_URL } from './decision/metadata.controller.js';
import { serveDecide } from './decision/serve-decide.js';
import { DECISION_POINT } from './decision/tokens.js';
import { Facts } from './facts/facts.js';
import { importIdentity } from './facts/import-identity.js';
import { GrantController } from './grant/grant.controller.js';
import { GrantListController } from './grant/grant-list/grant-list.controller.js';
import { GrantRow } from './grant/grant-list/grant-list.entity.js';
import { grantListProjection } from './grant/grant-list/grant-list.projection.js';
import { groupMembersProjection } from './group/group-members.projection.js';
import { Foundation1700000000001 } from './migrations/1-foundation.js';
import { Groups1700000000002 } from './migrations/2-groups.js';
import { KnownCallers1700000000060 } from './migrations/3-known-callers.js';
import { PersonalData1700000000090 } from './migrations/4-personal-data.js';
import { KnownIssuers1700000000052 } from './migrations/5-known-issuers.js';
import { servePersonalData } from './personal-data/serve-personal-data.js';
import { RoleController } from './role/role.controller.js';
import { builtinPolicy } from './role/roles.js';
import { policySettings } from './settings.js';

type Settings = z.output<typeof policySettings>;

export const policyService: ServiceDefinition<typeof policySettings> = {
  name: 'policy',
  settings: policySettings,
  entities: [GrantRow],
  migrations: [
    Foundation1700000000001,
    Groups1700000000002,
    KnownCallers1700000000060,
    PersonalData1700000000090,
    KnownIssuers1700000000052,
  ],
  compose,
};

function compose(platform: Platform, settings: Settings): Composition {
  const { database, wake } = platform;
  const inlineProjections = [grantListProjection, groupMembersProjection];
  const inline = inlineProjections.map((projection) => asInline(projection, 'policy'));
  const store = new PostgresEventStore({ service: 'policy', pool: database.request, inline });
  const facts = new Facts({ pool: database.system, wake, onError: platform.warn('facts could not be read') });
  const commits = new GroupCommit({
    service: 'policy',
    pool: database.system,
    writers: settings.DECISION_WRITERS,
    maxQueue: settings.DECISION_QUEUE,
  });
  const decisions = new DecisionPoint({ facts, policy: builtinPolicy, commits, pepper: platform.pepper });

  for (const projection of inlineProjections) platform.project(projection);
  const apply = importIdentity(store);
  platform.consume({ durable: 'policy_facts', sources: ['identity'], parks: true, exclusive: true, apply });
  // Beside the facts and not with them: read from the beginning it changes nothing twice, and grants would.
  const callers = knownCallersProjection('policy').apply;
  platform.consume({
    durable: 'policy_callers',
    sources: ['identity'],
    parks: true,
    exclusive: true,
    apply: callers,
  });
  const { apply: issuers } = knownIssuersProjection;
  platform.consume({ durable: 'policy_issuers', sources: ['identity'], parks: true, exclusive: true, apply: issuers });
  platform.bus.whenConnected((nc) => serveDecide(nc, decisions, platform.warn('a decision failed')));
  platform.bus.whenConnected((nc) =>
    servePersonalData(nc, database.system, platform.warn('a person could not be looked up')),
  );
  registerMetrics(facts, commits);

  return {
    module: policyModule(settings, { store, facts, decisions }),
    authorize: authorizeLocally(decisions),
    worksWithoutBus: true,
    checks: [{ name: 'facts', check: async () => (facts.loaded ? 'ok' : { problem: 'facts are being loaded' }) }],
    start: () => void facts.start(),
    stop: async () => {
      await commits.drain();
      await facts.stop();
    },
  };
}

interface Parts {
  readonly store: PostgresEventStore;
  readonly facts: Facts;
  readonly decisions: DecisionPoint;
}

const policyModule = (settings: Settings, { store, facts, decisions }: Parts): DynamicModule => ({
  module: class PolicyModule {},
  controllers: [EvaluationController, MetadataController, GrantController, GrantListController, RoleController],
  providers: [
    { provide: PostgresEventStore, useValue: store },
    { provide: Facts, useValue: facts },
    { provide: DECISION_POINT, useValue: decisions },
    { provide: PUBLIC_URL, useValue: settings.PUBLIC_URL },
  ],
});

function registerMetrics(facts: Facts, commits: GroupCommit): void {
  gauge('gatehouse_facts_grants', 'Grants in memory', () => facts.grants.size);
  gauge('gatehouse_decisions_queued', 'Decisions waiting to be written', () => commits.queued);
  observedCounter('gatehouse_decisions_recorded_total', 'Decisions recorded', () => commits.written.events);
  observedCounter('gatehouse_decision_batches_total', 'Batches of decisions written', () => commits.written.batches);
}
