import type {
  Envelope,
  MemberAdded,
  MemberRoleChanged,
  TenantCreated,
  TenantRenamed,
  TenantSettingsChanged,
} from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;
type Apply = (query: Client, event: Envelope) => Promise<unknown>;

/** Tenants and who belongs to them, as one read model: the event that makes a tenant makes its first owner a member. */
export const tenantsProjection: Projection = {
  name: 'tenants',
  version: 1,
  tables: ['tenants', 'members'],
  types: [
    'tenant.created',
    'tenant.renamed',
    'tenant.settings_changed',
    'tenant.closed',
    'member.added',
    'member.role_changed',
    'member.removed',
  ],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await changes[envelope.type]?.(client as Client, envelope);
  },
};

const setTenant =
  (change: string, valueIn: (event: Envelope) => unknown): Apply =>
  (query, event) =>
    query.query(`update tenants set ${change}, revision = $2 where tenant_id = $1`, [
      event.tenantId,
      event.revision,
      valueIn(event),
    ]);

const setMember =
  (change: string, valueIn: (event: Envelope) => unknown): Apply =>
  (query, event) =>
    query.query(`update members set ${change}, revision = $3 where tenant_id = $1 and user_id = $2`, [
      event.tenantId,
      event.data.userId,
      event.revision,
      valueIn(event),
    ]);

const changes: Readonly<Record<string, Apply>> = {
  'tenant.created': async (query, { tenantId, data, occurredAt, revision }) => {
    const { name, ownerId, kind = 'organization' } = data as unknown as TenantCreated;
    await query.query(
      `insert into tenants (tenant_id, name, kind, status, require_second_factor, created_at, revision)
       values ($1, $2, $3, 'active', false, $4, $5)`,
      [tenantId, name, kind, occurredAt, revision],
    );
    await addMember(query, { tenantId, userId: ownerId, role: 'owner', addedAt: occurredAt, revision: 0 });
  },
  'tenant.renamed': setTenant('name = $3', ({ data }) => (data as TenantRenamed).name),
  'tenant.settings_changed': setTenant(
    'require_second_factor = $3',
    ({ data }) => (data as TenantSettingsChanged).requireSecondFactor,
  ),
  'tenant.closed': setTenant('status = $3', () => 'closed'),
  'member.added': (query, { tenantId, data, occurredAt, revision }) => {
    const { userId, role } = data as unknown as MemberAdded;
    return addMember(query, { tenantId, userId, role, addedAt: occurredAt, revision });
  },
  'member.role_changed': setMember('role = $4', ({ data }) => (data as MemberRoleChanged).role),
  'member.removed': setMember('status = $4', () => 'removed'),
};

interface NewMember {
  readonly tenantId: string;
  readonly userId: string;
  readonly role: string;
  readonly addedAt: string;
  /** Of the stream `member:<userId>`, which a first owner does not have yet. */
  readonly revision: number;
}

/** Somebody who comes back has a row already. */
const addMember = (query: Client, { tenantId, userId, role, addedAt, revision }: NewMember) =>
  query.query(
    `insert into members (tenant_id, user_id, role, status, added_at, revision) values ($1, $2, $3, 'active', $4, $5)
     on conflict (tenant_id, user_id) do update
       set role = excluded.role, status = 'active', added_at = excluded.added_at, revision = excluded.revision`,
    [tenantId, userId, role, addedAt, revision],
  );
