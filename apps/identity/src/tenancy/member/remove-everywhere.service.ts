import type { CommandContext, PostgresEventStore } from '@gatehouse/event-store';
import type { Memberships } from '../memberships.service.js';
import { endTenant } from '../organization/close-tenant/end-tenant.service.js';
import { refusal } from '../refusals.js';
import { type Change, countOwners, findTenant, lockTenancy, roleOfMember } from '../tenancy-change.service.js';
import { removeMember } from './member.js';
import { endMembership } from './membership.service.js';

export interface Departure {
  /** Tenants that go on without the person. */
  readonly left: readonly string[];
  /** Tenants that ended, since the person was alone in them: the personal workspace is one. */
  readonly closed: readonly string[];
}

/**
 * Ends every membership of somebody who is being erased. One transaction per tenant: killed in between, the same call
 * does the rest, and its answer then names only what was still to do.
 *
 * @param context of whoever asked for the erasure; its tenant does not matter
 * @throws Refusal `last_owner` before anything was changed, when a tenant would be left without an owner; or in the
 *   middle, when that became true meanwhile. `memberships.heldBy` says which tenants those are.
 */
export async function removeEverywhere(
  { store, memberships }: { readonly store: PostgresEventStore; readonly memberships: Memberships },
  context: CommandContext,
  userId: string,
): Promise<Departure> {
  if ((await memberships.heldBy(userId)).length > 0) throw refusal('last_owner');
  const left: string[] = [];
  const closed: string[] = [];
  for (const tenantId of await memberships.everTenantsOf(userId)) {
    const ended = await store.together(tenantId, (log, client) =>
      depart({ log, client, context: { ...context, tenantId } }, userId),
    );
    if (ended === 'left') left.push(tenantId);
    if (ended === 'closed') closed.push(tenantId);
  }
  return { left, closed };
}

async function depart(change: Change, userId: string): Promise<'left' | 'closed' | undefined> {
  const { client, context } = change;
  const { tenantId } = context;
  await lockTenancy(client, tenantId);
  const role = await roleOfMember(client, tenantId, userId);
  if (role === undefined) return undefined;
  const { rowCount: others } = await client.query(
    `select from members where tenant_id = $1 and user_id <> $2 and status = 'active' limit 1`,
    [tenantId, userId],
  );
  const isOpen = (await findTenant(client, tenantId))?.status === 'active';
  const lastOne = others === 0;
  // In a tenant that ends, or has ended, nobody is the last owner of anything.
  const owners = lastOne || !isOpen ? Number.POSITIVE_INFINITY : await countOwners(client, tenantId);
  await endMembership(change, userId, removeMember(userId, 'erased', { callerRole: role, role, owners }));
  if (lastOne && isOpen) await endTenant(change, { reason: 'erased' });
  return lastOne && isOpen ? 'closed' : 'left';
}
