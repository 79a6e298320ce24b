import type { PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { expectedRevisionOf } from '../../request-command.js';
import { type Change, findMember, openOrganization, roleOfActor } from '../tenancy-change.service.js';
import { runTenancyCommand } from '../tenancy-command.service.js';
import { memberStream, type Standing } from './member.js';
import { viewOfMember } from './member-view.js';
import { standingOf } from './membership.service.js';

export interface ChangeMember {
  readonly store: PostgresEventStore;
  readonly request: HttpRequest;
  readonly caller: Principal;
  readonly userId: string;
  readonly operation: string;
  readonly work: (change: Change, standing: Standing, commandId: string | undefined) => Promise<void>;
}

/** Changes or ends one membership of the caller's organization, and answers the member, as he was if he has gone. */
export function changeMember({ store, request, caller, userId, operation, work }: ChangeMember) {
  const expected = expectedRevisionOf(request);
  return runTenancyCommand({
    store,
    request,
    caller,
    operation,
    streamId: memberStream(userId),
    work: async (change, commandId) => {
      await openOrganization(change);
      const row = await findMember(change.client, caller.tenantId, userId);
      if (row && expected !== undefined && row.revision !== expected) throw new ProblemError('stale_revision');
      const callerRole = await roleOfActor(change.client, caller.tenantId, caller);
      await work(change, await standingOf(change, userId, callerRole), commandId);
    },
    answer: async ({ client }) => {
      const row = await findMember(client, caller.tenantId, userId);
      if (!row) throw new ProblemError('not_found');
      return viewOfMember(row);
    },
  });
}
