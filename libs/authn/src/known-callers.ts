import type {
  MemberAdded,
  MemberRemoved,
  OauthGrantRevoked,
  SessionEnded,
  TenantCreated,
  TenantSettingsChanged,
  UserDisabled,
} from '@gatehouse/contracts';
import { type Query, roleNames } from '@gatehouse/event-store';
import type { ProjectedEvent, Projection } from '@gatehouse/projection';

/** Longer than any access token lives: after that, nothing can carry a session that has ended. */
export const endedSessionsKeptHours = 24;

/** On which every replica hears which row changed: `<kind>:<key>`, such as `key:<uuid>` or `member:<tenant>/<user>`. */
export const knownCallersChannel = (service: string): string => `gatehouse_callers_${service}`;

type Kind = 'key' | 'tenant' | 'member' | 'session' | 'person';

const tables: readonly { readonly table: string; readonly kind: Kind; readonly key: readonly string[] }[] = [
  { table: 'known_keys', kind: 'key', key: ['key_id'] },
  { table: 'known_tenants', kind: 'tenant', key: ['tenant_id'] },
  { table: 'known_members', kind: 'member', key: ['tenant_id', 'user_id'] },
  { table: 'ended_sessions', kind: 'session', key: ['session_id'] },
  { table: 'known_people', kind: 'person', key: ['user_id'] },
];

/**
 * Who may call, beside keys: tenants, their members, ended sign-ins, people who are refused. The triggers tell every
 * replica of a change, whoever made it; a rebuild fills its shadow tables without them and is heard when it swaps.
 */
export const knownCallersSql = (service: string): string => `
  alter table ${service}.known_keys
    add column previous_fingerprint text,
    add column previous_until timestamptz,
    add column scopes text[];
  create table ${service}.known_tenants (
    tenant_id text primary key,
    closed boolean not null,
    second_factor boolean not null
  );
  create table ${service}.known_members (
    tenant_id text not null,
    user_id uuid not null,
    role text not null,
    primary key (tenant_id, user_id)
  );
  create table ${service}.ended_sessions (
    session_id text primary key,
    ended_at timestamptz not null
  );
  create index ended_sessions_at on ${service}.ended_sessions (ended_at);
  create table ${service}.known_people (
    user_id uuid primary key,
    status text not null check (status in ('disabled', 'erased'))
  );
  create function ${service}.tell_callers() returns trigger language plpgsql as $$
  declare changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
  begin
    perform pg_notify('${knownCallersChannel(service)}',
      tg_argv[0] || ':' || (changed ->> tg_argv[1]) || coalesce('/' || (changed ->> tg_argv[2]), ''));
    return null;
  end $$;
  ${tables.map((row) => tableRightsSql(service, row)).join('\n')}`;

const tableRightsSql = (service: string, { table, kind, key }: (typeof tables)[number]): string => `
  grant select, insert, update, delete on ${service}.${table} to ${roleNames(service).system};
  create trigger tell_callers after insert or update or delete on ${service}.${table}
    for each row execute function ${service}.tell_callers(${[kind, ...key].map((text) => `'${text}'`).join(', ')});`;

export const dropKnownCallersSql = (service: string): string => `
  drop trigger tell_callers on ${service}.known_keys;
  drop table ${service}.known_tenants, ${service}.known_members, ${service}.ended_sessions, ${service}.known_people;
  drop function ${service}.tell_callers();
  alter table ${service}.known_keys drop column previous_fingerprint, drop column previous_until, drop column scopes;`;

type Client = Pick<Query, 'query'>;
type Apply = (client: Client, event: ProjectedEvent['envelope']) => Promise<unknown>;

const setMember = (client: Client, tenantId: string, userId: string, role: string) =>
  client.query(
    `insert into known_members (tenant_id, user_id, role) values ($1, $2, $3)
     on conflict (tenant_id, user_id) do update set role = excluded.role`,
    [tenantId, userId, role],
  );

async function endSession(client: Client, sessionId: string, at: string): Promise<void> {
  await client.query(
    'insert into ended_sessions (session_id, ended_at) values ($1, $2) on conflict (session_id) do nothing',
    [sessionId, at],
  );
  // By the time of the event, so that a rebuild forgets the same ones.
  await client.query(
    `delete from ended_sessions where ended_at < $1::timestamptz - interval '${endedSessionsKeptHours} hours'`,
    [at],
  );
}

const changes: Readonly<Record<string, Apply>> = {
  'tenant.created': async (client, { tenantId, data }) => {
    await client.query(
      `insert into known_tenants (tenant_id, closed, second_factor) values ($1, false, false)
       on conflict (tenant_id) do nothing`,
      [tenantId],
    );
    await setMember(client, tenantId, (data as unknown as TenantCreated).ownerId, 'owner');
  },
  'tenant.settings_changed': (client, { tenantId, data }) =>
    client.query('update known_tenants set second_factor = $2 where tenant_id = $1', [
      tenantId,
      (data as unknown as TenantSettingsChanged).requireSecondFactor,
    ]),
  'tenant.closed': (client, { tenantId }) =>
    client.query('update known_tenants set closed = true where tenant_id = $1', [tenantId]),
  'member.added': (client, { tenantId, data }) => {
    const { userId, role } = data as unknown as MemberAdded;
    return setMember(client, tenantId, userId, role);
  },
  'member.role_changed': (client, { tenantId, data }) => {
    const { userId, role } = data as unknown as MemberAdded;
    return setMember(client, tenantId, userId, role);
  },
  'member.removed': (client, { tenantId, data }) =>
    client.query('delete from known_members where tenant_id = $1 and user_id = $2', [
      tenantId,
      (data as unknown as MemberRemoved).userId,
    ]),
  'session.ended': (client, { data, occurredAt }) =>
    endSession(client, (data as unknown as SessionEnded).sessionId, occurredAt),
  'oauth_grant.revoked': (client, { data, occurredAt }) =>
    endSession(client, (data as unknown as OauthGrantRevoked).grantId, occurredAt),
  'user.disabled': (client, { data }) =>
    client.query(
      `insert into known_people (user_id, status) values ($1, 'disabled') on conflict (user_id) do nothing`,
      [(data as unknown as UserDisabled).userId],
    ),
  'user.enabled': (client, { data }) =>
    client.query(`delete from known_people where user_id = $1 and status = 'disabled'`, [
      (data as unknown as UserDisabled).userId,
    ]),
  'user.erased': (client, { data }) =>
    client.query(
      `insert into known_people (user_id, status) values ($1, 'erased')
       on conflict (user_id) do update set status = 'erased'`,
      [(data as unknown as UserDisabled).userId],
    ),
};

/** Keeps everything about callers but their keys. */
export const knownCallersProjection = (_service: string): Projection => ({
  name: 'known_callers',
  version: 1,
  tables: ['known_tenants', 'known_members', 'ended_sessions', 'known_people'],
  types: Object.keys(changes),
  apply: async (client, events) => {
    for (const { envelope } of events) await changes[envelope.type]?.(client as Client, envelope);
  },
});

export interface KnownTenant {
  readonly tenantId: string;
  readonly closed: boolean;
  readonly secondFactor: boolean;
}

export interface KnownMember {
  readonly tenantId: string;
  readonly userId: string;
  readonly role: string;
}

export interface EndedSession {
  readonly sessionId: string;
  readonly endedAt: Date;
}

async function rowsOf<T extends object>(query: Query, text: string, ids: unknown[] | undefined, where: string) {
  const { rows } = await query.query<T>(ids ? `${text} where ${where}` : text, ids ?? []);
  return rows as readonly T[];
}

/** Each answers all rows, or those of these keys. */
export const selectTenants = (query: Query, ids?: readonly string[]) =>
  rowsOf<KnownTenant>(
    query,
    'select tenant_id as "tenantId", closed, second_factor as "secondFactor" from known_tenants',
    ids && [ids],
    'tenant_id = any($1)',
  );

/** `keys`: `<tenant>/<user>`. */
export const selectMembers = (query: Query, keys?: readonly string[]) =>
  rowsOf<KnownMember>(
    query,
    'select tenant_id as "tenantId", user_id as "userId", role from known_members',
    keys && [keys.map((key) => key.split('/')[0]), keys.map((key) => key.split('/')[1])],
    '(tenant_id, user_id) in (select * from unnest($1::text[], $2::uuid[]))',
  );

export const selectEndedSessions = (query: Query, ids?: readonly string[]) =>
  rowsOf<EndedSession>(
    query,
    'select session_id as "sessionId", ended_at as "endedAt" from ended_sessions',
    ids && [ids],
    'session_id = any($1)',
  );

export const selectRefusedPeople = (query: Query, ids?: readonly string[]) =>
  rowsOf<{ readonly userId: string }>(
    query,
    'select user_id as "userId" from known_people',
    ids && [ids],
    'user_id = any($1::uuid[])',
  );
