import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who was erased, so that no late request makes such a person a new key. Ids only; never emptied. */
export class ErasedSubjects1700000000090 implements MigrationInterface {
  name = 'ErasedSubjects1700000000090';

  async up(query: QueryRunner): Promise<void> {
    const { request, system } = roleNames('identity');
    await query.query(`
      create table identity.erased_subjects (
        subject text primary key,
        erased_at timestamptz not null default now()
      );
      grant select on identity.erased_subjects to ${request};
      grant select, insert on identity.erased_subjects to ${system};
      create index subject_keys_subject on identity.subject_keys (subject);`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.erased_subjects');
  }
}

const exportsSql = (system: string) => `
  create table identity.exports (
    export_id uuid primary key,
    tenant_id text not null,
    user_id uuid not null,
    asked_by_type text not null,
    asked_by_id text not null,
    asked_in text not null,
    correlation_id text not null,
    status text not null check (status in ('queued', 'running', 'ready', 'failed')),
    phase text not null,
    done integer not null default 0,
    total integer not null default 0,
    records integer not null default 0,
    attempt integer not null default 0,
    problem text,
    sealed_key jsonb not null,
    next_try_at timestamptz not null,
    files integer,
    bytes bigint,
    chunks integer,
    requested_at timestamptz not null,
    completed_at timestamptz,
    expires_at timestamptz not null
  );
  create unique index exports_running on identity.exports (user_id) where status in ('queued', 'running');
  create index exports_person on identity.exports (user_id, export_id);
  ${tenantTableSql('identity', 'exports', 'select, insert, update')}

  create table identity.export_chunks (
    export_id uuid not null references identity.exports on delete cascade,
    attempt integer not null,
    n integer not null,
    sealed bytea not null,
    primary key (export_id, attempt, n)
  );
  -- Sealed bytes cannot be compressed; trying costs time.
  alter table identity.export_chunks alter column sealed set storage external;
  grant select, insert, delete on identity.export_chunks to ${system};`;

const erasuresSql = `
  create table identity.erasures (
    erasure_id uuid primary key,
    tenant_id text not null,
    user_id uuid not null,
    asked_by_type text not null,
    asked_by_id text not null,
    asked_in text not null,
    correlation_id text not null,
    decision_id text,
    status text not null check (status in ('waiting', 'running', 'done', 'cancelled', 'refused')),
    phase text not null,
    done integer not null default 0,
    total integer not null default 0,
    attempt integer not null default 0,
    problem text,
    destroyed jsonb not null default '{}',
    event_id uuid,
    requested_at timestamptz not null,
    due_at timestamptz not null,
    next_try_at timestamptz not null,
    completed_at timestamptz
  );
  create unique index erasures_running on identity.erasures (user_id) where status in ('waiting', 'running');
  create index erasures_due on identity.erasures (next_try_at) where status in ('waiting', 'running');
  ${tenantTableSql('identity', 'erasures', 'select, insert, update')}`;

const retentionSql = `
  create table identity.retention (
    tenant_id text not null,
    kind text primary key,
    days integer not null check (days > 0),
    revision integer not null
  );
  ${tenantTableSql('identity', 'retention', 'select, insert, update')}`;

/**
 * Jobs on a person, and archives in pieces. Each person has one of each kind at a time. An archive lies under a key of its
 * own, which the person's key seals: an erasure kills both.
 */
export class Privacy1700000000091 implements MigrationInterface {
  name = 'Privacy1700000000091';

  async up(query: QueryRunner): Promise<void> {
    const { system } = roleNames('identity');
    for (const sql of [exportsSql(system), erasuresSql, retentionSql]) await query.query(sql);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop table identity.retention, identity.erasures, identity.export_chunks, identity.exports`);
  }
}
