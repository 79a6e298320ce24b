import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const service = 'identity';

/** Every table here is a fold of events: no rights beyond what the inline read models need. */
const tables: Readonly<Record<string, { readonly columns: string; readonly rights: string; readonly more?: string }>> =
  {
    tenants: {
      columns: `tenant_id text primary key, name text not null, kind text not null, status text not null,
      require_second_factor boolean not null, created_at timestamptz not null, revision integer not null`,
      rights: 'select, insert, update',
    },
    // Who left keeps a row: an export of the person names every tenant that may still know of it.
    members: {
      columns: `tenant_id text not null, user_id uuid not null, role text not null, status text not null,
      added_at timestamptz not null, revision integer not null, primary key (tenant_id, user_id)`,
      rights: 'select, insert, update',
      more: `create index members_user on ${service}.members (user_id);
      create index members_owners on ${service}.members (tenant_id) where role = 'owner' and status = 'active';`,
    },
    // `email` and `email_index` are personal data: they stand here, where erasure reaches them, and in no event in clear.
    invitations: {
      columns: `tenant_id text not null, invitation_id uuid not null, email_index text, email jsonb, role text not null,
      team_ids text[] not null, fingerprint text not null unique, status text not null, expires_at timestamptz not null,
      created_at timestamptz not null, sends integer not null, inviter_type text not null, inviter_id text not null,
      accepted_by uuid, ended_at timestamptz, revision integer not null, primary key (tenant_id, invitation_id)`,
      rights: 'select, insert, update',
      more: `create index invitations_email on ${service}.invitations (email_index);
      create index invitations_accepted_by on ${service}.invitations (accepted_by);
      create index invitations_created on ${service}.invitations (tenant_id, created_at);`,
    },
    teams: {
      columns: `tenant_id text not null, team_id text not null, name text not null, status text not null,
      created_at timestamptz not null, revision integer not null, primary key (tenant_id, team_id)`,
      rights: 'select, insert, update',
    },
    team_members: {
      columns: `tenant_id text not null, team_id text not null, user_id uuid not null, added_at timestamptz not null,
      primary key (tenant_id, team_id, user_id)`,
      rights: 'select, insert, delete',
      more: `create index team_members_user on ${service}.team_members (tenant_id, user_id);`,
    },
    projects: {
      columns: `tenant_id text not null, project_id text not null, name text not null, status text not null,
      created_at timestamptz not null, revision integer not null, primary key (tenant_id, project_id)`,
      rights: 'select, insert, update',
    },
    project_environments: {
      columns: `tenant_id text not null, project_id text not null, environment text not null,
      added_at timestamptz not null, primary key (tenant_id, project_id, environment)`,
      rights: 'select, insert, delete',
    },
    project_roles: {
      columns: `tenant_id text not null, project_id text not null, subject_type text not null, subject_id text not null,
      role text not null, granted_at timestamptz not null,
      primary key (tenant_id, project_id, subject_type, subject_id)`,
      rights: 'select, insert, delete',
      more: `create index project_roles_subject on ${service}.project_roles (tenant_id, subject_type, subject_id);`,
    },
  };

export class Tenancy1700000000010 implements MigrationInterface {
  name = 'Tenancy1700000000010';

  async up(query: QueryRunner): Promise<void> {
    for (const [table, { columns, rights, more = '' }] of Object.entries(tables))
      await query.query(`create table ${service}.${table} (${columns}); ${more}
        ${tenantTableSql(service, table, rights)}`);
  }

  async down(query: QueryRunner): Promise<void> {
    for (const table of Object.keys(tables)) await query.query(`drop table ${service}.${table}`);
  }
}
