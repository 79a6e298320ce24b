import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { ownTenant, path } from '../../names.js';
import { refusal } from '../../refusals.js';
import { findTenant, openOrganization, roleOfActor } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { tenantStream } from '../tenant.js';
import { viewOfTenant } from '../tenant-row.js';
import { tenantView } from '../tenant-view.js';
import { endTenant } from './end-tenant.service.js';

const close = defineRoute({
  method: 'POST',
  path: `${path}/tenant/close`,
  summary: "Closes the caller's organization for good; its id is never used again",
  access: { kind: 'action', action: 'tenant.close', resource: ownTenant },
  body: z
    .strictObject({
      // Recorded as it is: one line, no personal data.
      reason: recordedText(200).optional(),
    })
    .nullish(),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: tenantView,
  problems: ['not_found', 'tenant_closed', 'personal_workspace', 'role_above_own', 'idempotency_key_reused'],
});

@Controller()
export class CloseTenantController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(close)
  close(@Input() { body }: InputOf<typeof close>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const reason = body?.reason;
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: 'tenant.close',
      streamId: tenantStream(caller.tenantId),
      work: async (change, commandId) => {
        await openOrganization(change);
        // Policy may not have heard yet that the caller is no owner any more.
        if ((await roleOfActor(change.client, caller.tenantId, caller)) !== 'owner') throw refusal('role_above_own');
        await endTenant(change, { ...(reason !== undefined && { reason }) }, commandId);
      },
      answer: async ({ client }) => viewOfTenant(await findTenant(client, caller.tenantId)),
    });
  }
}
