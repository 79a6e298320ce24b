import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Everything stands in the person's home tenant, sealed under the person's key or as an HMAC. */
export class Factors1700000000030 implements MigrationInterface {
  name = 'Factors1700000000030';

  async up(query: QueryRunner): Promise<void> {
    // `lookup` is the HMAC of a credential's id: a passkey used alone says which it is, and nobody says whose.
    await query.query(`
      create table identity.factors (
        tenant_id text not null,
        user_id uuid not null,
        factor_id uuid primary key,
        kind text not null check (kind in ('totp', 'passkey')),
        lookup text,
        name jsonb,
        secret jsonb not null,
        last_step bigint not null default 0,
        counter bigint not null default 0,
        created_at timestamptz not null,
        last_used_at timestamptz
      );
      create index factors_of_user on identity.factors (user_id);
      create unique index factors_totp on identity.factors (user_id) where kind = 'totp';
      create unique index factors_lookup on identity.factors (lookup);
      create table identity.totp_enrolments (
        tenant_id text not null,
        user_id uuid primary key,
        bound_to text not null,
        secret jsonb not null,
        tries integer not null default 0,
        expires_at timestamptz not null
      );
      create table identity.recovery_codes (
        tenant_id text not null,
        user_id uuid not null,
        fingerprint text not null,
        primary key (user_id, fingerprint)
      );
      create table identity.factor_attempts (
        tenant_id text not null,
        user_id uuid primary key,
        recent integer not null,
        recent_until timestamptz not null,
        daily integer not null,
        daily_until timestamptz not null
      );
      create table identity.used_passkey_challenges (
        tenant_id text not null,
        fingerprint text primary key,
        expires_at timestamptz not null
      );
      create index used_passkey_challenges_expiry on identity.used_passkey_challenges (expires_at);
      create table identity.factor_proofs (
        tenant_id text not null,
        session_id uuid primary key,
        user_id uuid not null,
        proved_at timestamptz not null
      );
      create index factor_proofs_of_user on identity.factor_proofs (user_id);
      ${tables.map((table) => tenantTableSql('identity', table, 'select, insert, update, delete')).join('\n')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    for (const table of tables) await query.query(`drop table identity.${table}`);
  }
}

const tables = [
  'factors',
  'totp_enrolments',
  'recovery_codes',
  'factor_attempts',
  'used_passkey_challenges',
  'factor_proofs',
];
