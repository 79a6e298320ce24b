import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Account1700000000020 implements MigrationInterface {
  name = 'Account1700000000020';

  async up(query: QueryRunner): Promise<void> {
    await query.query(sessionsSql);
    await query.query(sessionSecretsSql);
    await query.query(challengesSql);
    await query.query(passwordsSql);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop table identity.password_hashes, identity.sign_in_challenges, identity.refresh_tokens,
      identity.session_secrets, identity.sessions`);
  }
}

/** Open sessions only: the fold of two events, where the second one takes the row away. */
const sessionsSql = `
  create table identity.sessions (
    tenant_id text not null,
    session_id uuid primary key,
    user_id uuid not null,
    methods text[] not null,
    client_id text,
    started_at timestamptz not null
  );
  create index sessions_of_user on identity.sessions (user_id, started_at);
  ${tenantTableSql('identity', 'sessions', 'select, insert, delete')}`;

/** What is in no event: where a session is used from (sealed), and the fingerprints of its refresh tokens. */
const sessionSecretsSql = `
  create table identity.session_secrets (
    tenant_id text not null,
    session_id uuid primary key,
    user_id uuid not null,
    acting_tenant text not null,
    place jsonb not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index session_secrets_expiry on identity.session_secrets (expires_at);
  create index session_secrets_of_user on identity.session_secrets (user_id);
  ${tenantTableSql('identity', 'session_secrets', 'select, insert, update, delete')}
  create table identity.refresh_tokens (
    tenant_id text not null,
    token_hash bytea primary key,
    session_id uuid not null references identity.session_secrets on delete cascade,
    issued_at timestamptz not null,
    used_at timestamptz,
    salt bytea
  );
  create index refresh_tokens_of_session on identity.refresh_tokens (session_id);
  ${tenantTableSql('identity', 'refresh_tokens', 'select, insert, update, delete')}`;

const challengesSql = `
  create table identity.sign_in_challenges (
    tenant_id text not null,
    token_hash bytea primary key,
    user_id uuid not null,
    methods text[] not null,
    acting_tenant text,
    client_id text,
    attempts integer not null default 0,
    expires_at timestamptz not null
  );
  create index sign_in_challenges_of_user on identity.sign_in_challenges (user_id);
  create index sign_in_challenges_expiry on identity.sign_in_challenges (expires_at);
  ${tenantTableSql('identity', 'sign_in_challenges', 'select, insert, update, delete')}`;

/** In no event: erasure deletes the row, and nothing is left to guess against. */
const passwordsSql = `
  create table identity.password_hashes (
    tenant_id text not null,
    user_id uuid primary key,
    hash text not null,
    changed_at timestamptz not null
  );
  ${tenantTableSql('identity', 'password_hashes', 'select, insert, update, delete')}`;
