import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class People1700000000002 implements MigrationInterface {
  name = 'People1700000000002';

  async up(query: QueryRunner): Promise<void> {
    // `email_index` is personal data: it stands here, where erasure reaches it, and in no event.
    await query.query(`
      create table identity.people (
        tenant_id text not null,
        user_id uuid primary key,
        status text not null check (status in ('pending', 'active', 'disabled', 'erased')),
        email_index text,
        email jsonb,
        name jsonb,
        registered_at timestamptz not null,
        revision integer not null
      );
      create unique index people_email on identity.people (email_index) where status in ('active', 'disabled');
      create index people_email_pending on identity.people (email_index) where status = 'pending';
      ${tenantTableSql('identity', 'people', 'select, insert, update')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.people');
  }
}
