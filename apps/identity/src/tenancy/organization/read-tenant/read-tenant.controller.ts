import { memberRole } from '@gatehouse/contracts';
import { fold, PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Memberships } from '../../memberships.service.js';
import { ownTenant, path } from '../../names.js';
import { tenantDecider, tenantStream } from '../tenant.js';
import { tenantView } from '../tenant-view.js';

const read = defineRoute({
  method: 'GET',
  path: `${path}/tenant`,
  summary: "Shows the caller's tenant, and the caller's role in it",
  access: { kind: 'action', action: 'tenant.read', resource: ownTenant },
  response: tenantView.extend({
    /** Who made it, or had it made. */
    ownerId: z.uuid(),
    createdAt: z.iso.datetime(),
    /** Null for a service, and for somebody who is no member. */
    role: memberRole.nullable(),
  }),
  problems: ['not_found'],
});

@Controller()
export class ReadTenantController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Memberships) private readonly memberships: Memberships,
  ) {}

  /** Folded from its stream, which is a few events long. */
  @Route(read)
  async read(@Caller() { type, id, tenantId }: Principal, @Res({ passthrough: true }) reply: FastifyReply) {
    const { events, revision } = await this.store.read(tenantId, tenantStream(tenantId));
    const tenant = fold(tenantDecider, events);
    if (tenant.status === 'none') throw new ProblemError('not_found');
    const { requireSecondFactor, ...facts } = tenant;
    const role = type === 'user' ? await this.memberships.roleOf(tenantId, id) : undefined;
    void reply.header('etag', `"${revision}"`);
    return { ...facts, settings: { requireSecondFactor }, role: role ?? null, revision };
  }
}
