import type { Envelope } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { type PolicyRequest, policyRequestLimits, tenantPolicyDecider, tenantPolicyStream } from '../tenant-policy.js';

const mayRead = { kind: 'action', action: 'policy.read', resource: 'policy/active' } as const;

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/activations',
  summary: 'What was activated, set and asked for, by whom and why: the latest first, and all open requests',
  access: mayRead,
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.coerce.number().int().min(1).optional(),
  }),
});
const active = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/active',
  summary: 'Which version decides, and how',
  access: mayRead,
});

@Controller()
export class ActivationListController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { events } = await this.store.read(tenantId, tenantPolicyStream);
    const { requests } = events.reduce(tenantPolicyDecider.evolve, tenantPolicyDecider.initialState);
    const older = events.filter(({ revision }) => revision < (query.cursor ?? Number.POSITIVE_INFINITY));
    const page = older.slice(-query.limit).reverse();
    return {
      requests: requests.filter(({ status }) => status === 'open').map(requestView),
      activations: page.map(eventView),
      nextCursor: older.length > query.limit ? (page.at(-1)?.revision ?? null) : null,
    };
  }

  @Route(active)
  async active(@Caller() { tenantId }: Principal) {
    const { events } = await this.store.read(tenantId, tenantPolicyStream);
    const state = events.reduce(tenantPolicyDecider.evolve, tenantPolicyDecider.initialState);
    const since = events.findLast(({ type }) => type === 'policy.activated');
    return {
      digest: state.active,
      previous: state.earlier.at(-1) ?? null,
      mode: state.mode,
      fourEyes: state.fourEyes,
      activation: since ? eventView(since) : null,
    };
  }
}

const eventView = ({ type, revision, actor, occurredAt, id, data }: Envelope) => ({
  ...data,
  event: type,
  eventId: id,
  revision,
  by: actor,
  at: occurredAt,
});

const requestView = ({ requestedAt, ...request }: PolicyRequest) => ({
  ...request,
  requestedAt: new Date(requestedAt).toISOString(),
  expiresAt: new Date(requestedAt + policyRequestLimits.lifeMs).toISOString(),
});
