import { memberRole } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path } from '../../names.js';
import { appendTo } from '../../tenancy-change.service.js';
import { changeMember } from '../change-member.service.js';
import { changeRole, memberStream } from '../member.js';
import { memberView } from '../member-view.js';

const change = defineRoute({
  method: 'PATCH',
  path: `${path}/members/:userId`,
  summary: 'Gives a member another role, never above the role of the caller',
  access: { kind: 'action', action: 'members.write', resource: named('member', 'userId') },
  params: z.object({ userId: z.uuid() }),
  body: z.strictObject({ role: memberRole }),
  headers: commandHeaders,
  response: memberView,
  problems: [
    'not_found',
    'tenant_closed',
    'personal_workspace',
    'role_above_own',
    'last_owner',
    'stale_revision',
    'idempotency_key_reused',
  ],
});

@Controller()
export class ChangeRoleController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(change)
  change(@Input() { params, body }: InputOf<typeof change>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { userId } = params;
    return changeMember({
      store: this.store,
      request,
      caller,
      userId,
      operation: 'members.write',
      work: (tenancy, standing, commandId) =>
        appendTo(tenancy, memberStream(userId), changeRole(userId, body.role, standing), commandId),
    });
  }
}
