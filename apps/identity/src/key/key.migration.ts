import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Keys1700000000061 implements MigrationInterface {
  name = 'Keys1700000000061';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      alter table identity.keys
        add column scopes text[],
        add column imported boolean not null default false,
        add column rotated_at timestamptz,
        add column previous_until timestamptz;
      create table identity.key_fingerprints (
        fingerprint text primary key,
        tenant_id text not null,
        key_id uuid not null,
        since timestamptz not null,
        until timestamptz
      );
      create index key_fingerprints_key on identity.key_fingerprints (tenant_id, key_id);
      ${tenantTableSql('identity', 'key_fingerprints', 'select, insert, update')}
      create table identity.key_uses (
        tenant_id text not null,
        key_id uuid not null,
        service text not null,
        address_index text not null,
        address text,
        sealed jsonb,
        user_id uuid,
        home_tenant_id text,
        first_at timestamptz not null,
        last_at timestamptz not null,
        uses bigint not null,
        primary key (tenant_id, key_id, service, address_index)
      );
      create index key_uses_person on identity.key_uses (user_id) where user_id is not null;
      ${tenantTableSql('identity', 'key_uses')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`
      drop table identity.key_uses, identity.key_fingerprints;
      alter table identity.keys
        drop column scopes, drop column imported, drop column rotated_at, drop column previous_until`);
  }
}
