import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { Memberships } from '../../memberships.service.js';
import { displayName, path } from '../../names.js';
import { personOf } from '../../person-caller.js';
import { refusal } from '../../refusals.js';
import { findTenant } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { createOrganization } from '../new-tenant.service.js';
import { isOrganizationId } from '../organization-id.js';
import { tenantStream } from '../tenant.js';
import { viewOfTenant } from '../tenant-row.js';
import { tenantView } from '../tenant-view.js';

const create = defineRoute({
  method: 'POST',
  path: `${path}/organizations`,
  summary: 'Makes an organization, with the caller as its owner',
  access: { kind: 'authenticated' },
  body: z.strictObject({
    id: z
      .string()
      .max(63)
      .refine(isOrganizationId, 'is not 3 to 63 lower-case letters, digits and hyphens, or is a word of ours'),
    name: displayName,
  }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: tenantView,
  status: 201,
  problems: ['tenant_id_taken', 'organization_limit', 'person_required', 'forbidden', 'idempotency_key_reused'],
});

/** How many organizations one person may own. */
export const ORGANIZATION_LIMIT = Symbol('identity.organizationLimit');

@Controller()
export class CreateOrganizationController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Memberships) private readonly memberships: Memberships,
    @Inject(ORGANIZATION_LIMIT) private readonly limit: number,
  ) {}

  @Route(create)
  create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const ownerId = personOf(caller, 'organization.create');
    const { id: tenantId, name } = body;
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      tenantId,
      operation: 'organization.create',
      streamId: tenantStream(tenantId),
      work: async ({ log, context }, commandId) => {
        if ((await this.memberships.countOwned(ownerId)) >= this.limit) throw refusal('organization_limit');
        await createOrganization(log, context, { name, ownerId }, commandId);
      },
      answer: async ({ client }) => viewOfTenant(await findTenant(client, tenantId)),
    });
  }
}
