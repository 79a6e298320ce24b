import type { InvitationRevoked, MemberRemoved, MemberRole, TenantClosed } from '@gatehouse/contracts';
import { handle } from '@gatehouse/event-store';
import { disableKey } from '../../../key/disable-key/disable-key.js';
import { keyDecider, keyStream } from '../../../key/key.js';
import { invitationStream } from '../../invitation/invitation.js';
import { endMembership } from '../../member/membership.service.js';
import { appendTo, type Change } from '../../tenancy-change.service.js';
import { tenantStream } from '../tenant.js';

/**
 * Closes the tenant for good, in the caller's transaction, which holds the tenant's lock: every invitation into it is void,
 * every membership ends, every key of it stops working. So nobody has a role in it any more, wherever roles are known.
 */
export async function endTenant(change: Change, data: TenantClosed, commandId?: string): Promise<void> {
  const { tenantId } = change.context;
  await appendTo(change, tenantStream(tenantId), [{ type: 'tenant.closed', version: 1, data }], commandId);
  await voidInvitations(change);
  await endMemberships(change);
  await disableKeys(change);
}

async function voidInvitations(change: Change): Promise<void> {
  const { rows } = await change.client.query<{ id: string }>(
    `select invitation_id as id from invitations where tenant_id = $1 and status = 'pending'`,
    [change.context.tenantId],
  );
  for (const { id } of rows) {
    const data: InvitationRevoked = { invitationId: id, reason: 'tenant_closed' };
    await appendTo(change, invitationStream(id), [{ type: 'invitation.revoked', version: 1, data }]);
  }
}

async function endMemberships(change: Change): Promise<void> {
  const { rows } = await change.client.query<{ user_id: string; role: MemberRole }>(
    `select user_id, role from members where tenant_id = $1 and status = 'active' order by user_id`,
    [change.context.tenantId],
  );
  for (const { user_id: userId, role } of rows) {
    const data: MemberRemoved = { userId, role, reason: 'tenant_closed' };
    await endMembership(change, userId, [{ type: 'member.removed', version: 1, data }]);
  }
}

async function disableKeys({ log, client, context }: Change): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    'select key_id as id from keys where tenant_id = $1 and enabled order by key_id',
    [context.tenantId],
  );
  for (const { id } of rows)
    await handle(log, keyDecider, {
      streamId: keyStream(id),
      context,
      decide: (key) => disableKey({ reason: 'tenant_closed' }, key),
    });
}
