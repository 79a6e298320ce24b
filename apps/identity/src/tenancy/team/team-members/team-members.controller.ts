import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path, slug } from '../../names.js';
import { refusal } from '../../refusals.js';
import { appendTo, openTenant, roleOfActor, roleOfMember } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { teamMemberAdded, teamMemberRemoved, teamStream } from '../team.js';
import { checkTeams, membersOfTeam } from '../team-rows.service.js';

const placement = z.object({ teamId: z.string(), userId: z.uuid(), isMember: z.boolean() });
const common = {
  access: { kind: 'action', action: 'team.write', resource: named('team', 'teamId') },
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: placement,
  problems: ['not_found', 'tenant_closed', 'role_above_own', 'idempotency_key_reused'],
} as const;

const add = defineRoute({
  ...common,
  method: 'POST',
  path: `${path}/teams/:teamId/members`,
  summary: 'Puts a member of the tenant into a team whose roles are not above those of the caller',
  params: z.object({ teamId: slug }),
  body: z.strictObject({ userId: z.uuid() }),
});

const remove = defineRoute({
  ...common,
  method: 'DELETE',
  path: `${path}/teams/:teamId/members/:userId`,
  summary: 'Takes somebody out of a team',
  params: z.object({ teamId: slug, userId: z.uuid() }),
});

@Controller()
export class TeamMembersController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(add)
  add(@Input() { params, body }: InputOf<typeof add>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.#place({ ...params, ...body, isMember: true }, caller, request);
  }

  @Route(remove)
  remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.#place({ ...params, isMember: false }, caller, request);
  }

  /** Who is in already, or is not, stays so. */
  #place(wanted: z.output<typeof placement>, caller: Principal, request: HttpRequest) {
    const { teamId, userId, isMember } = wanted;
    const { tenantId } = caller;
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: isMember ? 'team.add_member' : 'team.remove_member',
      streamId: teamStream(teamId),
      work: async (change, commandId) => {
        const { client } = change;
        await openTenant(change);
        await checkTeams(client, tenantId, [teamId], await roleOfActor(client, tenantId, caller));
        if (isMember && (await roleOfMember(client, tenantId, userId)) === undefined) throw refusal('not_found');
        const isIn = (await membersOfTeam(client, tenantId, teamId)).includes(userId);
        if (isIn === isMember) return;
        const event = isMember ? teamMemberAdded({ teamId, userId }) : teamMemberRemoved({ teamId, userId });
        await appendTo(change, teamStream(teamId), [event], commandId);
      },
      answer: async () => wanted,
    });
  }
}
