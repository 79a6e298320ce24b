import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path } from '../../names.js';
import { appendTo, openOrganization, roleOfActor } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { invitationStream, revokeInvitation } from '../invitation.js';
import { findInvitation } from '../invitation-rows.service.js';
import { invitationView } from '../invitation-view.js';
import { Inviting } from '../inviting.service.js';

const common = {
  access: { kind: 'action', action: 'members.invite', resource: named('invitation', 'invitationId') },
  params: z.object({ invitationId: z.uuid() }),
  body: z.strictObject({}).nullish(),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: invitationView,
} as const;

const revoke = defineRoute({
  ...common,
  method: 'POST',
  path: `${path}/invitations/:invitationId/revoke`,
  summary: 'Makes an invitation void',
  problems: ['not_found', 'tenant_closed', 'role_above_own', 'idempotency_key_reused'],
});

const resend = defineRoute({
  ...common,
  method: 'POST',
  path: `${path}/invitations/:invitationId/resend`,
  summary: 'Sends an invitation again, with another link; the earlier link is void',
  problems: ['not_found', 'tenant_closed', 'role_above_own', 'invitation_limit', 'idempotency_key_reused'],
});

@Controller()
export class ChangeInvitationController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Inviting) private readonly inviting: Inviting,
  ) {}

  @Route(revoke)
  revoke(@Input() { params }: InputOf<typeof revoke>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const streamId = invitationStream(params.invitationId);
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: 'invitation.revoke',
      streamId,
      work: async (change, commandId) => {
        await openOrganization(change);
        const invitation = await findInvitation(change.client, caller.tenantId, params.invitationId);
        const callerRole = await roleOfActor(change.client, caller.tenantId, caller);
        await appendTo(change, streamId, revokeInvitation(invitation, callerRole), commandId);
      },
      answer: (change) => this.inviting.shown(change, params.invitationId),
    });
  }

  @Route(resend)
  async resend(@Input() { params }: InputOf<typeof resend>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { invitationId } = params;
    const now = Date.now();
    const again = await this.inviting.draftAgain(caller.tenantId, invitationId, now);
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      now,
      operation: 'invitation.resend',
      streamId: invitationStream(invitationId),
      work: (change, commandId) => this.inviting.resend(change, invitationId, again, commandId),
      answer: (change) => this.inviting.shown(change, invitationId),
    });
  }
}
