import type { InvitationRevoked, TenantClosed } from '@gatehouse/contracts';
import { handle } from '@gatehouse/event-store';
import { disableKey } from '../../../key/disable-key/disable-key.js';
import { keyDecider, keyStream } from '../../../key/key.js';
import { appendTo, type Change } from '../../tenancy-change.service.js';
import { tenantStream } from '../tenant.js';

/**
 * Closes the tenant for good, in the caller's transaction, which holds the tenant's lock: every key of it stops working and
 * every invitation into it is void. Members stay written down; policy permits nothing in a closed tenant.
 */
export async function endTenant(change: Change, closed: TenantClosed, commandId?: string): Promise<void> {
  const { log, client, context } = change;
  const { tenantId } = context;
  const data: TenantClosed = closed;
  await appendTo(change, tenantStream(tenantId), [{ type: 'tenant.closed', version: 1, data }], commandId);
  const invitations = await client.query<{ id: string }>(
    `select invitation_id as id from invitations where tenant_id = $1 and status = 'pending'`,
    [tenantId],
  );
  for (const { id } of invitations.rows) {
    const revoked: InvitationRevoked = { invitationId: id, reason: 'tenant_closed' };
    await appendTo(change, `invitation:${id}`, [{ type: 'invitation.revoked', version: 1, data: revoked }]);
  }
  const keys = await client.query<{ id: string }>('select key_id as id from keys where tenant_id = $1 and enabled', [
    tenantId,
  ]);
  for (const { id } of keys.rows)
    await handle(log, keyDecider, {
      streamId: keyStream(id),
      context,
      decide: (key) => disableKey({ reason: 'tenant_closed' }, key),
    });
}
