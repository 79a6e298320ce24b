import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const rights = 'select, insert, update, delete';

/** What devices and relays tell: heartbeats, presence, sessions. */
export class Activity1700000003003 implements MigrationInterface {
  name = 'Activity1700000003003';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      -- The last heartbeat of each device. Not of the log: nothing rests on it, and it comes every minute.
      create table registry.device_reports (
        tenant_id text not null,
        device_id uuid primary key,
        reported_at timestamptz not null,
        system jsonb not null
      );
      ${tenantTableSql('registry', 'device_reports', rights)}

      -- A fold of the relay's log, as are those that follow but the first of sessions.
      create table registry.device_presence (
        tenant_id text not null,
        device_id uuid not null,
        tunnel_id uuid not null,
        relay_id text not null,
        carrier text not null,
        status text not null check (status in ('online', 'offline')),
        since timestamptz not null,
        primary key (tenant_id, device_id)
      );
      ${tenantTableSql('registry', 'device_presence')}
      create table registry.device_status_history (
        tenant_id text not null,
        device_id uuid not null,
        event_id uuid not null,
        at timestamptz not null,
        status text not null,
        reason text,
        primary key (tenant_id, device_id, event_id)
      );
      ${tenantTableSql('registry', 'device_status_history')}

      create table registry.sessions (
        tenant_id text not null,
        session_id uuid not null,
        device_id uuid not null,
        subject_type text not null,
        subject_id text not null,
        kind text not null,
        detail text,
        actions text[] not null,
        decisions text[] not null,
        client_key text not null,
        scope_hash text not null,
        granted_at timestamptz not null,
        expires_at timestamptz not null,
        renewals integer not null default 0,
        primary key (tenant_id, session_id)
      );
      create index sessions_newest on registry.sessions (tenant_id, granted_at desc, session_id desc);
      create index sessions_device on registry.sessions (tenant_id, device_id, granted_at desc);
      create index sessions_subject on registry.sessions (subject_type, subject_id, granted_at desc);
      ${tenantTableSql('registry', 'sessions', rights)}

      create table registry.session_activity (
        tenant_id text not null,
        session_id uuid not null,
        relay_id text,
        source text,
        started_at timestamptz,
        resumed integer not null default 0,
        ended_at timestamptz,
        reason text,
        exit_code integer,
        exit_signal text,
        bytes_in bigint,
        bytes_out bigint,
        duration_ms bigint,
        revoked_by text,
        recording text check (recording in ('recording', 'closed', 'truncated')),
        chunks integer not null default 0,
        primary key (tenant_id, session_id)
      );
      ${tenantTableSql('registry', 'session_activity')}
      create table registry.recording_chunks (
        tenant_id text not null,
        session_id uuid not null,
        chunk integer not null,
        bytes bigint not null,
        sha256 text not null,
        primary key (tenant_id, session_id, chunk)
      );
      ${tenantTableSql('registry', 'recording_chunks')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(
      `drop table registry.recording_chunks, registry.session_activity, registry.sessions, registry.device_status_history,
         registry.device_presence, registry.device_reports;`,
    );
  }
}
