import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const service = 'identity';

/** Folds of events: what the inline read models need, and no more. */
const readModels: Readonly<Record<string, string>> = {
  alert_settings: `tenant_id text primary key, settings jsonb not null, revision integer not null`,
  alerts: `tenant_id text not null, alert_id uuid primary key, kind text not null, subject_type text not null,
    subject_id text not null, status text not null check (status in ('open', 'resolved')), raised_at timestamptz not null,
    first_at timestamptz not null, last_at timestamptz not null, count bigint not null, threshold integer not null,
    window_seconds integer not null, place text, sealed_place jsonb, resolved_at timestamptz,
    acknowledged_at timestamptz, acknowledged_by text, revision integer not null`,
};

/** State of the detectors and channels, in no event: counts, what was seen before, what waits to be sent. */
const workingTables: Readonly<Record<string, string>> = {
  alert_incidents: `tenant_id text not null, kind text not null, subject_type text not null, subject_id text not null,
    alert_id uuid not null, count bigint not null, first_at timestamptz not null, last_at timestamptz not null,
    quiet_until timestamptz not null, primary key (tenant_id, kind, subject_type, subject_id)`,
  alert_counts: `tenant_id text not null, kind text not null, subject_type text not null, subject_id text not null,
    part timestamptz not null, count bigint not null, primary key (tenant_id, kind, subject_type, subject_id, part)`,
  alert_reports: `tenant_id text not null, fingerprint bytea not null, count bigint not null, taken_at timestamptz not null,
    primary key (tenant_id, fingerprint)`,
  alert_places: `tenant_id text not null, key_id uuid not null, kind text not null, place text not null, user_id uuid,
    first_at timestamptz not null, primary key (tenant_id, key_id, kind, place)`,
  alert_channels: `tenant_id text not null, channel_id uuid primary key, kind text not null, name text not null,
    user_id uuid, host text, url jsonb, secret jsonb, previous_secret jsonb, previous_until timestamptz,
    created_at timestamptz not null, constraint alert_channels_name unique (tenant_id, name)`,
  alert_deliveries: `tenant_id text not null, delivery_id uuid primary key,
    channel_id uuid not null references ${service}.alert_channels on delete cascade,
    what text not null, alert_id uuid, body text not null,
    status text not null check (status in ('waiting', 'sent', 'parked')), tries integer not null default 0,
    created_at timestamptz not null, next_try_at timestamptz not null, sent_at timestamptz, problem text,
    constraint alert_deliveries_once unique (channel_id, what, alert_id)`,
};

const indexes = `
  create index alerts_of_tenant on ${service}.alerts (tenant_id, alert_id desc);
  create index alert_incidents_quiet on ${service}.alert_incidents (quiet_until);
  create index alert_counts_part on ${service}.alert_counts (part);
  create index alert_reports_taken on ${service}.alert_reports (taken_at);
  create index alert_places_user on ${service}.alert_places (user_id) where user_id is not null;
  create index alert_channels_user on ${service}.alert_channels (user_id) where user_id is not null;
  create index alert_deliveries_due on ${service}.alert_deliveries (next_try_at) where status = 'waiting';
  create index alert_deliveries_of_channel on ${service}.alert_deliveries (channel_id, created_at);
  create index alert_deliveries_of_tenant on ${service}.alert_deliveries (tenant_id, delivery_id desc);`;

export class Alerts1700000000071 implements MigrationInterface {
  name = 'Alerts1700000000071';

  async up(query: QueryRunner): Promise<void> {
    const make = (table: string, columns: string, rights: string) =>
      query.query(`create table ${service}.${table} (${columns}); ${tenantTableSql(service, table, rights)}`);
    for (const [table, columns] of Object.entries(readModels)) await make(table, columns, 'select, insert, update');
    for (const [table, columns] of Object.entries(workingTables))
      await make(table, columns, 'select, insert, update, delete');
    await query.query(indexes);
  }

  async down(query: QueryRunner): Promise<void> {
    const tables = [...Object.keys(workingTables).reverse(), ...Object.keys(readModels)];
    for (const table of tables) await query.query(`drop table ${service}.${table}`);
  }
}
