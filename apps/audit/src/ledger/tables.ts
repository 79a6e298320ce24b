import { roleNames } from '@gatehouse/event-store';

/**
 * The ledger's tables. Nothing in them is ever changed or deleted by a role of the service, but the one row of
 * `ledger_head`, which only the sequencer moves, by compare-and-set.
 */
export function ledgerTablesSql(service: string): string {
  const { request, system } = roleNames(service);
  return `
    create table ${service}.entries (
      idx bigint primary key check (idx >= 0),
      event_id uuid not null,
      tenant_id text not null,
      source text not null,
      type text not null,
      version integer not null,
      actor_type text not null,
      actor_id text not null,
      subject_type text,
      subject_id text,
      action text,
      resource text,
      decision boolean,
      stream_id text not null,
      correlation_id text not null,
      occurred_at timestamptz not null,
      leaf_hash bytea not null check (length(leaf_hash) = 32),
      envelope text not null
    );
    create unique index entries_event on ${service}.entries (event_id);
    create index entries_time on ${service}.entries (tenant_id, occurred_at, idx);
    -- Who acted, as people say it: whom a decision was about, and the actor of anything else.
    create index entries_who on ${service}.entries (tenant_id, coalesce(subject_id, actor_id), occurred_at, idx);
    alter table ${service}.entries enable row level security;
    alter table ${service}.entries force row level security;
    create policy tenant_reads on ${service}.entries for select to ${request}
      using (tenant_id = current_setting('gatehouse.tenant', true));
    create policy system_reads on ${service}.entries for select to ${system} using (true);
    create policy system_appends on ${service}.entries for insert to ${system} with check (true);
    grant select on ${service}.entries to ${request};
    grant select, insert on ${service}.entries to ${system};

    -- Full tiles only: partial ones are made from leaf hashes and the roots of the tiles below.
    create table ${service}.tiles (
      level smallint not null check (level between 0 and 7),
      n bigint not null check (n >= 0),
      hashes bytea not null check (length(hashes) = 8192),
      root bytea not null check (length(root) = 32),
      primary key (level, n)
    );
    -- Hashes can't be compressed; trying costs time.
    alter table ${service}.tiles alter column hashes set storage external;
    grant select, insert on ${service}.tiles to ${system};

    create table ${service}.ledger_head (
      only_row boolean primary key default true check (only_row),
      size bigint not null default 0 check (size >= 0),
      root bytea not null default sha256('') check (length(root) = 32)
    );
    insert into ${service}.ledger_head default values;
    grant select, update on ${service}.ledger_head to ${system};

    create table ${service}.checkpoints (
      number bigint primary key check (number > 0),
      size bigint not null check (size >= 0),
      root bytea not null check (length(root) = 32),
      note text not null,
      time_signature text not null,
      signed_at timestamptz not null
    );
    grant select, insert on ${service}.checkpoints to ${system};`;
}
