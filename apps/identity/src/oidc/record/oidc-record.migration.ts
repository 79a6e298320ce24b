import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const system = roleNames('identity').system;

/**
 * What the OpenID provider keeps between two requests. Only the system role sees it: a code or a token is looked up
 * before anybody knows the tenant. `id` and `user_code` are HMACs, `sealed` opens with the pepper only.
 */
export class OidcRecords1700000000040 implements MigrationInterface {
  name = 'OidcRecords1700000000040';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table identity.oidc_records (
        model text not null,
        id text not null,
        grant_id text,
        uid text,
        user_code text,
        user_id uuid,
        client_id text,
        tenant_id text,
        sign_in text,
        sealed jsonb not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null,
        consumed_at timestamptz,
        decided_at timestamptz,
        polled_at timestamptz,
        poll_seconds integer not null default 5,
        primary key (model, id)
      );
      create index oidc_records_grant on identity.oidc_records (grant_id) where grant_id is not null;
      create index oidc_records_user on identity.oidc_records (user_id) where user_id is not null;
      create index oidc_records_client on identity.oidc_records (client_id) where model = 'Grant';
      create unique index oidc_records_uid on identity.oidc_records (uid) where uid is not null;
      create unique index oidc_records_user_code on identity.oidc_records (user_code) where user_code is not null;
      create index oidc_records_expiry on identity.oidc_records (expires_at);
      grant select, insert, update, delete on identity.oidc_records to ${system};

      create table identity.oidc_attempts (
        bucket text not null,
        starts_at timestamptz not null,
        count integer not null,
        primary key (bucket, starts_at)
      );
      grant select, insert, update, delete on identity.oidc_attempts to ${system};

      -- Up to where the log was read for what ends grants.
      create table identity.oidc_ends (
        only_row boolean primary key default true check (only_row),
        tx xid8 not null default '0',
        seq bigint not null default 0
      );
      insert into identity.oidc_ends default values;
      grant select, update on identity.oidc_ends to ${system};

      create table identity.oauth_clients (
        tenant_id text not null,
        client_id uuid primary key,
        name text not null,
        removed boolean not null,
        client jsonb not null,
        revision integer not null
      );
      create unique index oauth_clients_name on identity.oauth_clients (tenant_id, name);
      ${tenantTableSql('identity', 'oauth_clients', 'select, insert, update')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(
      'drop table identity.oauth_clients; drop table identity.oidc_ends; drop table identity.oidc_attempts; drop table identity.oidc_records',
    );
  }
}
