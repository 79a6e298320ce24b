import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { ownTenant, path } from '../../names.js';
import { personOf } from '../../person-caller.js';
import { refusal } from '../../refusals.js';
import { appendTo, findMember, openOrganization, roleOfMember } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { memberStream } from '../member.js';
import { memberView, viewOfMember } from '../member-view.js';
import { standingOf } from '../membership.service.js';
import { transferOwnership } from './transfer.js';

const transfer = defineRoute({
  method: 'POST',
  path: `${path}/tenant/transfer`,
  summary: 'Gives ownership to another member; the caller becomes an admin',
  access: { kind: 'action', action: 'tenant.transfer', resource: ownTenant },
  body: z.strictObject({ to: z.uuid() }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: memberView,
  problems: ['not_found', 'tenant_closed', 'personal_workspace', 'role_above_own', 'person_required'],
});

@Controller()
export class TransferController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(transfer)
  transfer(@Input() { body }: InputOf<typeof transfer>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const from = personOf(caller, 'tenant.transfer');
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: 'tenant.transfer',
      work: async (change, commandId) => {
        await openOrganization(change);
        const standing = await standingOf(change, body.to, await roleOfMember(change.client, caller.tenantId, from));
        // COMMIT POINT of both together: there is no moment without an owner, nor with one too many.
        for (const [i, { userId, event }] of transferOwnership(from, body.to, standing).entries())
          await appendTo(change, memberStream(userId), [event], i === 0 ? commandId : undefined);
      },
      answer: async ({ client }) => {
        const row = await findMember(client, caller.tenantId, body.to);
        if (!row) throw refusal('not_found');
        return viewOfMember(row);
      },
    });
  }
}
