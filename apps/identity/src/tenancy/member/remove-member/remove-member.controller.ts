import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path } from '../../names.js';
import { personOf } from '../../person-caller.js';
import { changeMember } from '../change-member.service.js';
import { removeMember } from '../member.js';
import { memberView } from '../member-view.js';
import { endMembership } from '../membership.service.js';

const problems = ['not_found', 'tenant_closed', 'personal_workspace', 'last_owner', 'idempotency_key_reused'];

const remove = defineRoute({
  method: 'DELETE',
  path: `${path}/members/:userId`,
  summary: 'Removes a member, with his teams, project roles and keys of this tenant; answers the member as he was',
  access: { kind: 'action', action: 'members.remove', resource: named('member', 'userId') },
  params: z.object({ userId: z.uuid() }),
  headers: commandHeaders,
  response: memberView,
  problems: [...problems, 'role_above_own', 'stale_revision'],
});

const leave = defineRoute({
  method: 'POST',
  path: `${path}/members/leave`,
  summary: 'The caller leaves the organization he acts in',
  access: { kind: 'authenticated' },
  body: z.strictObject({}).nullish(),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: memberView,
  problems: [...problems, 'person_required', 'forbidden'],
});

@Controller()
export class RemoveMemberController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(remove)
  remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.#end(params.userId, 'removed', caller, request);
  }

  /** No policy can keep somebody in. */
  @Route(leave)
  leave(@Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.#end(personOf(caller, 'members.leave'), 'left', caller, request);
  }

  #end(userId: string, reason: 'left' | 'removed', caller: Principal, request: HttpRequest) {
    return changeMember({
      store: this.store,
      request,
      caller,
      userId,
      operation: `members.${reason}`,
      work: (change, standing, commandId) =>
        endMembership(change, userId, removeMember(userId, reason, standing), commandId),
    });
  }
}
