import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders, expectedRevisionOf } from '../../../request-command.js';
import { loseProjectRoles } from '../../member/membership.service.js';
import { displayName, named, ownTenant, path, slug } from '../../names.js';
import { refusal } from '../../refusals.js';
import { appendTo, type Change, openTenant, roleOfActor } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { createTeam, deleteTeam, renameTeam, teamStream } from '../team.js';
import { checkTeams, countTeams, findTeam, membersOfTeam, type TeamRow } from '../team-rows.service.js';
import { teamView, viewOfTeam } from '../team-view.js';

const create = defineRoute({
  method: 'POST',
  path: `${path}/teams`,
  summary: 'Makes a team',
  access: { kind: 'action', action: 'team.write', resource: ownTenant },
  body: z.strictObject({ id: slug, name: displayName }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: teamView,
  status: 201,
  problems: ['tenant_closed', 'team_id_taken', 'tenancy_limit', 'idempotency_key_reused'],
});

const one = {
  access: { kind: 'action', action: 'team.write', resource: named('team', 'teamId') },
  params: z.object({ teamId: slug }),
  headers: commandHeaders,
  response: teamView,
} as const;

const rename = defineRoute({
  ...one,
  method: 'PATCH',
  path: `${path}/teams/:teamId`,
  summary: 'Renames a team; its id stays',
  body: z.strictObject({ name: displayName }),
  problems: ['not_found', 'tenant_closed', 'stale_revision', 'idempotency_key_reused'],
});

const remove = defineRoute({
  ...one,
  method: 'DELETE',
  path: `${path}/teams/:teamId`,
  summary: 'Deletes a team, with the roles it holds on projects; answers the team as it was',
  problems: ['not_found', 'tenant_closed', 'role_above_own', 'stale_revision', 'idempotency_key_reused'],
});

@Controller()
export class ChangeTeamController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(create)
  create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { id: teamId, name } = body;
    return this.#change(teamId, 'team.create', caller, request, async (change, commandId) => {
      const { all, active } = await countTeams(change.client, caller.tenantId, teamId);
      await appendTo(change, teamStream(teamId), createTeam({ teamId, name }, all > 0, active), commandId);
    });
  }

  @Route(rename)
  rename(@Input() { params, body }: InputOf<typeof rename>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { teamId } = params;
    return this.#change(teamId, 'team.rename', caller, request, async (change, commandId) => {
      const team = await expectedTeam(change, teamId, request);
      await appendTo(change, teamStream(teamId), renameTeam({ teamId, name: body.name }, team.name), commandId);
    });
  }

  @Route(remove)
  remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { teamId } = params;
    return this.#change(teamId, 'team.delete', caller, request, async (change, commandId) => {
      await expectedTeam(change, teamId, request);
      const own = await roleOfActor(change.client, caller.tenantId, caller);
      await checkTeams(change.client, caller.tenantId, [teamId], own);
      const members = await membersOfTeam(change.client, caller.tenantId, teamId);
      await appendTo(change, teamStream(teamId), deleteTeam({ teamId }, members), commandId);
      await loseProjectRoles(change, { type: 'team', id: teamId });
    });
  }

  #change(
    teamId: string,
    operation: string,
    caller: Principal,
    request: HttpRequest,
    decide: (change: Change, commandId: string | undefined) => Promise<void>,
  ) {
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation,
      streamId: teamStream(teamId),
      work: async (change, commandId) => {
        await openTenant(change);
        await decide(change, commandId);
      },
      answer: async ({ client }) => {
        const team = await findTeam(client, caller.tenantId, teamId, { deleted: true });
        if (!team) throw refusal('not_found');
        return viewOfTeam(team);
      },
    });
  }
}

async function expectedTeam({ client, context }: Change, teamId: string, request: HttpRequest): Promise<TeamRow> {
  const team = await findTeam(client, context.tenantId, teamId);
  if (!team) throw refusal('not_found');
  const expected = expectedRevisionOf(request);
  if (expected !== undefined && expected !== team.revision) throw refusal('stale_revision');
  return team;
}
