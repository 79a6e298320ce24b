import type { MemberRole } from '@gatehouse/contracts';
import type { CommandContext, EventStore, NewEvent, Query } from '@gatehouse/event-store';
import type { Member } from './memberships.service.js';
import type { TenantRow } from './organization/tenant-row.js';
import { highestRole } from './rank.js';
import { refusal } from './refusals.js';

export type Client = Pick<Query, 'query'>;

/** What a change of one tenant's tenancy works with, inside `store.together`. `context.tenantId` is the tenant. */
export interface Change {
  readonly log: EventStore;
  readonly client: Client;
  readonly context: CommandContext;
}

/** A tenant that is busy with changes of its members must not hold the connections of all others for long. */
const lockTimeoutMs = 3_000;

/**
 * One at a time changes who belongs to a tenant and what they may: every such command takes this lock first, and what it
 * reads afterwards stays true until its commit. So two last owners cannot both go, nobody hands out a role that is being
 * taken from him, and nobody joins a tenant that is being closed. An advisory lock and not rows of a table: a rebuild
 * puts other rows in their place. Held until the transaction ends; whoever waits too long gets 503.
 */
export async function lockTenancy(client: Client, tenantId: string): Promise<void> {
  await client.query(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
  await client.query(`select pg_advisory_xact_lock(hashtextextended('identity.tenancy:' || $1, 0))`, [tenantId]);
}

/** Locks, and reads the tenant. @throws Refusal `not_found`, `tenant_closed` */
export async function openTenant({ client, context: { tenantId } }: Change): Promise<TenantRow> {
  await lockTenancy(client, tenantId);
  const tenant = await findTenant(client, tenantId);
  if (!tenant) throw refusal('not_found');
  if (tenant.status === 'closed') throw refusal('tenant_closed');
  return tenant;
}

/** {@link openTenant} for what only organizations have: other members. @throws Refusal `personal_workspace`, too */
export async function openOrganization(change: Change): Promise<TenantRow> {
  const tenant = await openTenant(change);
  if (tenant.kind === 'personal') throw refusal('personal_workspace');
  return tenant;
}

export async function findTenant(client: Client, tenantId: string): Promise<TenantRow | undefined> {
  const { rows } = await client.query<TenantRow>(
    `select tenant_id as "tenantId", name, kind, status, require_second_factor as "requireSecondFactor", revision
     from tenants where tenant_id = $1`,
    [tenantId],
  );
  return rows[0];
}

/** Somebody's role; undefined for whoever is no member now. */
export async function roleOfMember(client: Client, tenantId: string, userId: string): Promise<MemberRole | undefined> {
  const { rows } = await client.query<{ role: MemberRole }>(
    `select role from members where tenant_id = $1 and user_id = $2 and status = 'active'`,
    [tenantId, userId],
  );
  return rows[0]?.role;
}

/** A member, or somebody who was one; undefined for a stranger. */
export async function findMember(client: Client, tenantId: string, userId: string): Promise<Member | undefined> {
  const { rows } = await client.query<Member>(
    `select user_id as "userId", role, added_at as "addedAt", revision from members
     where tenant_id = $1 and user_id = $2`,
    [tenantId, userId],
  );
  return rows[0];
}

export async function countOwners(client: Client, tenantId: string): Promise<number> {
  const { rows } = await client.query<{ owners: number }>(
    `select count(*)::int as owners from members where tenant_id = $1 and role = 'owner' and status = 'active'`,
    [tenantId],
  );
  return rows[0]?.owners ?? 0;
}

/**
 * What an actor ranks as in the tenant: a person by membership, a service by the roles that its key was made with, as long
 * as that key works. Undefined for anybody else: he gives nothing.
 */
export async function roleOfActor(
  client: Client,
  tenantId: string,
  actor: { readonly type: string; readonly id: string },
): Promise<MemberRole | undefined> {
  if (actor.type === 'user') return roleOfMember(client, tenantId, actor.id);
  if (actor.type !== 'service') return undefined;
  const { rows } = await client.query<{ roles: string[] }>(
    `select roles from keys where tenant_id = $1 and principal_type = 'service' and principal_id = $2 and enabled
       and (expires_at is null or expires_at > now())`,
    [tenantId, actor.id],
  );
  return highestRole(rows.flatMap(({ roles }) => roles));
}

/** Appends to a stream wherever it stands: under the lock nobody else appends to the streams of tenancy. */
export async function appendTo(
  { log, client, context }: Change,
  streamId: string,
  events: readonly NewEvent[],
  commandId?: string,
): Promise<void> {
  if (events.length === 0) return;
  const { rows } = await client.query<{ revision: number }>(
    'select coalesce(max(revision), 0)::int as revision from events where tenant_id = $1 and stream_id = $2',
    [context.tenantId, streamId],
  );
  const expectedRevision = rows[0]?.revision ?? 0;
  await log.append(streamId, events, { expectedRevision, context, ...(commandId !== undefined && { commandId }) });
}
