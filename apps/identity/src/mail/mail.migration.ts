import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Mail1700000000004 implements MigrationInterface {
  name = 'Mail1700000000004';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table identity.mail_queue (
        id uuid primary key,
        tenant_id text not null,
        subject text not null,
        letter jsonb not null,
        created_at timestamptz not null,
        next_try_at timestamptz not null,
        tries integer not null default 0,
        sent_at timestamptz,
        problem text
      );
      create index mail_waiting on identity.mail_queue (next_try_at) where sent_at is null;
      ${tenantTableSql('identity', 'mail_queue', 'insert')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.mail_queue');
  }
}
