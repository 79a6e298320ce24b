import { memberRole } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { ownTenant, path, slug } from '../../names.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { invitationView } from '../invitation-view.js';
import { Inviting } from '../inviting.service.js';

const hour = 3_600_000;

const create = defineRoute({
  method: 'POST',
  path: `${path}/invitations`,
  summary: 'Invites somebody by mail, with a role that is never above the role of the caller',
  access: { kind: 'action', action: 'members.invite', resource: ownTenant },
  body: z.strictObject({
    email: z.email().max(254),
    role: memberRole,
    teamIds: z.array(slug).max(20).default([]),
    expiresInHours: z.int().min(1).max(720).default(168),
  }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: invitationView,
  status: 201,
  problems: [
    'not_found',
    'tenant_closed',
    'personal_workspace',
    'role_above_own',
    'already_member',
    'invitation_limit',
    'idempotency_key_reused',
  ],
});

@Controller()
export class CreateInvitationController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Inviting) private readonly inviting: Inviting,
  ) {}

  @Route(create)
  async create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    const { expiresInHours, ...wanted } = body;
    const expiresAt = new Date(now + expiresInHours * hour).toISOString();
    const draft = await this.inviting.draft(caller.tenantId, { ...wanted, expiresAt }, now);
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      now,
      operation: 'members.invite',
      work: (change, commandId) => this.inviting.invite(change, draft, commandId),
      answer: (change, before) =>
        this.inviting.shown(change, String(before?.at(-1)?.data.invitationId ?? draft.invitationId)),
    });
  }
}
