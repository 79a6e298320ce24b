import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AccountTables1700000000021 implements MigrationInterface {
  name = 'AccountTables1700000000021';

  async up(query: QueryRunner): Promise<void> {
    await query.query(registrationsSql);
    await query.query(linksSql);
    await query.query(placesSql);
    await query.query(throttleSql);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop table identity.sign_in_failures, identity.throttle, identity.known_places,
      identity.account_links, identity.registrations`);
  }
}

/** Registrations whose address nobody has verified: in no event, so that deleting the row is the end of it. */
const registrationsSql = `
  create table identity.registrations (
    tenant_id text not null,
    user_id uuid primary key,
    email_index text not null,
    token_hash bytea not null unique,
    details jsonb not null,
    password_hash text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index registrations_email on identity.registrations (email_index, created_at);
  create index registrations_expiry on identity.registrations (expires_at);
  ${tenantTableSql('identity', 'registrations', 'select, insert, update, delete')}`;

const linksSql = `
  create table identity.account_links (
    tenant_id text not null,
    token_hash bytea primary key,
    user_id uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  );
  create index account_links_of_user on identity.account_links (user_id);
  create index account_links_expiry on identity.account_links (expires_at);
  ${tenantTableSql('identity', 'account_links', 'select, insert, delete')}`;

/** Keyed hashes of the networks a person signed in from: they tell somebody known from somebody who guesses. */
const placesSql = `
  create table identity.known_places (
    tenant_id text not null,
    user_id uuid not null,
    place_hash text not null,
    last_at timestamptz not null,
    primary key (user_id, place_hash)
  );
  ${tenantTableSql('identity', 'known_places', 'select, insert, update, delete')}`;

/** Of no tenant: most of what is tried names nobody. Keys are keyed hashes, and rows are forgotten within hours. */
const throttleSql = `
  create table identity.throttle (
    key text primary key,
    count integer not null,
    blocked_until timestamptz not null,
    last_at timestamptz not null
  );
  create index throttle_last on identity.throttle (last_at);
  create table identity.sign_in_failures (
    subject text not null,
    reason text not null,
    tenant_id text not null,
    user_id uuid,
    count integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    primary key (subject, reason)
  );
  grant select, insert, update, delete on identity.throttle, identity.sign_in_failures
    to ${roleNames('identity').system};`;
