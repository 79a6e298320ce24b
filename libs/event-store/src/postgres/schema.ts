/** A service's name is also the name of its schema, of its roles and of its NOTIFY channel, so it is checked before it enters SQL. */
export function checkedServiceName(service: string): string {
  if (!/^[a-z][a-z_]{1,30}$/.test(service)) throw new RangeError(`not a service name: ${JSON.stringify(service)}`);
  return service;
}

export const roleNames = (service: string) => {
  const name = checkedServiceName(service);
  return { request: `gatehouse_${name}`, system: `gatehouse_${name}_system` } as const;
};

/** The channel on which a commit wakes the readers of this service's log. */
export const notifyChannel = (service: string): string => `gatehouse_events_${checkedServiceName(service)}`;

const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * The two roles of a service (see docs/adr/0005): `gatehouse_<service>` serves requests and sees one tenant at a time,
 * `gatehouse_<service>_system` runs the outbox, projections and the group commit. Neither owns a table, bypasses
 * row-level security, or may change or delete an event. Run by the administrator; safe to repeat.
 */
export function rolesSql(service: string, passwords: { request: string; system: string }): string {
  const roles = roleNames(service);
  const ensure = (role: string, password: string) => `
    do $role$ begin
      if not exists (select from pg_roles where rolname = '${role}') then create role ${role}; end if;
    end $role$;
    alter role ${role} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit
      password ${quoteLiteral(password)};
    alter role ${role} set search_path = ${service};
    alter role ${role} set statement_timeout = '15s';
    -- An open transaction holds back every reader of every log in this cluster, so none may idle.
    alter role ${role} set idle_in_transaction_session_timeout = '10s';`;
  return `${ensure(roles.request, passwords.request)}
    ${ensure(roles.system, passwords.system)}
    create schema if not exists ${service};
    create schema if not exists ${service}_rebuild authorization ${roles.system};
    revoke all on schema ${service} from public;
    grant usage on schema ${service} to ${roles.request}, ${roles.system};`;
}

/** The log itself. Positions are (tx, seq); see docs/adr/0003. */
export function eventTablesSql(service: string): string {
  const roles = roleNames(service);
  return `
    create table ${service}.events (
      tx xid8 not null default pg_current_xact_id(),
      seq bigint generated always as identity,
      id uuid not null,
      tenant_id text not null,
      stream_id text not null,
      revision integer not null check (revision > 0),
      type text not null,
      command_id text,
      envelope text not null,
      primary key (tx, seq)
    );
    create unique index events_stream_revision on ${service}.events (tenant_id, stream_id, revision);
    create unique index events_command on ${service}.events (tenant_id, command_id) where command_id is not null;
    alter table ${service}.events enable row level security;
    alter table ${service}.events force row level security;
    create policy tenant_reads on ${service}.events for select to ${roles.request}
      using (tenant_id = current_setting('gatehouse.tenant', true));
    create policy tenant_appends on ${service}.events for insert to ${roles.request}
      with check (tenant_id = current_setting('gatehouse.tenant', true));
    create policy system_reads on ${service}.events for select to ${roles.system} using (true);
    create policy system_appends on ${service}.events for insert to ${roles.system} with check (true);
    -- Not tx and seq: a position that a writer could choose might stand where all readers have already been.
    grant select, insert (id, tenant_id, stream_id, revision, type, command_id, envelope)
      on ${service}.events to ${roles.request}, ${roles.system};

    create table ${service}.outbox (
      only_row boolean primary key default true check (only_row),
      tx xid8 not null default '0',
      seq bigint not null default 0,
      rewinds integer not null default 0
    );
    insert into ${service}.outbox default values;
    grant select, update on ${service}.outbox to ${roles.system};`;
}

/**
 * Puts the second wall around a read model: the request role sees the rows of its tenant only, the system role writes.
 * `table` must have a column `tenant_id`.
 */
export function tenantTableSql(service: string, table: string, requestRights = 'select'): string {
  const roles = roleNames(service);
  return `
    alter table ${service}.${table} enable row level security;
    alter table ${service}.${table} force row level security;
    create policy tenant_only on ${service}.${table} to ${roles.request}
      using (tenant_id = current_setting('gatehouse.tenant', true))
      with check (tenant_id = current_setting('gatehouse.tenant', true));
    create policy system_all on ${service}.${table} to ${roles.system} using (true) with check (true);
    grant ${requestRights} on ${service}.${table} to ${roles.request};
    grant select, insert, update, delete, truncate on ${service}.${table} to ${roles.system};`;
}
