import { knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql, roleNames, tenantTableSql } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const service = 'identity';

export class Foundation1700000000001 implements MigrationInterface {
  name = 'Foundation1700000000001';

  async up(query: QueryRunner): Promise<void> {
    await query.query(eventTablesSql(service));
    await query.query(projectionTablesSql(service));
    await query.query(knownKeysSql(service));
    await query.query(keysSql);
    await query.query(setupOffersSql);
    await query.query(subjectKeysSql);
    // So that a replica can tell at start whether the schema is the one it was written for.
    await query.query(`grant select on ${service}.migrations to ${roleNames(service).system}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop schema ${service} cascade; drop schema ${service}_rebuild cascade`);
  }
}

const keysSql = `
  create table ${service}.keys (
    tenant_id text not null,
    key_id uuid not null,
    family text not null,
    name text not null,
    principal_type text not null,
    principal_id text not null,
    roles text[] not null,
    display_prefix text not null,
    enabled boolean not null,
    reason text,
    created_at timestamptz not null,
    expires_at timestamptz,
    networks text[],
    revision integer not null,
    primary key (tenant_id, key_id),
    constraint keys_name unique (tenant_id, name)
  );
  ${tenantTableSql(service, 'keys', 'select, insert, update')}`;

const setupOffersSql = `
  create table ${service}.setup_offers (
    tenant_id text not null,
    offer_id uuid not null,
    owner_id uuid not null,
    fingerprint text not null unique,
    expires_at timestamptz not null,
    revision integer not null,
    redeemed boolean not null,
    primary key (tenant_id, offer_id)
  );
  ${tenantTableSql(service, 'setup_offers', 'select, insert, update')}`;

/** No projection writes it and no rebuild touches it: these keys are in no event. */
const subjectKeysSql = `
  create table ${service}.subject_keys (
    tenant_id text not null,
    subject text not null,
    key_version integer not null check (key_version > 0),
    wrapped bytea not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, subject, key_version)
  );
  ${tenantTableSql(service, 'subject_keys', 'select, insert')}`;
