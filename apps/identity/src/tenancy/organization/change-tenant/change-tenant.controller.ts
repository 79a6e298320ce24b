import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders, expectedRevisionOf } from '../../../request-command.js';
import { displayName, ownTenant, path } from '../../names.js';
import { refusal } from '../../refusals.js';
import { appendTo, findTenant, openTenant } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { tenantStream } from '../tenant.js';
import { viewOfTenant } from '../tenant-row.js';
import { tenantView } from '../tenant-view.js';
import { changeTenant } from './change-tenant.js';

const change = defineRoute({
  method: 'PATCH',
  path: `${path}/tenant`,
  summary: "Renames the caller's tenant, or changes its settings",
  access: { kind: 'action', action: 'tenant.update', resource: ownTenant },
  body: z
    .strictObject({ name: displayName.optional(), requireSecondFactor: z.boolean().optional() })
    .refine((body) => Object.keys(body).length > 0, 'changes nothing'),
  headers: commandHeaders,
  response: tenantView,
  problems: ['not_found', 'tenant_closed', 'personal_workspace', 'stale_revision', 'idempotency_key_reused'],
});

@Controller()
export class ChangeTenantController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(change)
  change(@Input() { body }: InputOf<typeof change>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const streamId = tenantStream(caller.tenantId);
    const expected = expectedRevisionOf(request);
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: 'tenant.update',
      streamId,
      work: async (tenancy, commandId) => {
        const tenant = await openTenant(tenancy);
        if (expected !== undefined && expected !== tenant.revision) throw refusal('stale_revision');
        await appendTo(tenancy, streamId, changeTenant(body, tenant), commandId);
      },
      answer: async ({ client }) => viewOfTenant(await findTenant(client, caller.tenantId)),
    });
  }
}
