import { fold, PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { tenantDecider, tenantStream } from '../tenant.js';

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/tenant',
  summary: "Shows the caller's tenant",
  access: { kind: 'action', action: 'tenant.read', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  response: z.object({
    tenantId: z.string(),
    name: z.string(),
    ownerId: z.uuid(),
    createdAt: z.iso.datetime(),
    revision: z.int(),
  }),
  problems: ['not_found'],
});

@Controller()
export class ReadTenantController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  /** Folded from its stream: a tenant is one event long, and a read model would hold the same. */
  @Route(read)
  async read(@Caller() { tenantId }: Principal) {
    const { events, revision } = await this.store.read(tenantId, tenantStream(tenantId));
    const tenant = fold(tenantDecider, events);
    if (tenant.status === 'none') throw new ProblemError('not_found');
    const { name, ownerId, createdAt } = tenant;
    return { tenantId, name, ownerId, createdAt, revision };
  }
}
