import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who references which secret, and which version is mounted where. */
export class Consumers1700000002801 implements MigrationInterface {
  name = 'Consumers1700000002801';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table vault.consumers (
        tenant_id text not null,
        stream_id text not null,
        kind text not null,
        consumer_id text collate "C" not null,
        scope text collate "C" not null,
        registered_at timestamptz not null,
        registered_by_type text not null,
        registered_by_id text not null,
        revision integer not null,
        primary key (tenant_id, stream_id)
      );
      create index consumers_name on vault.consumers (tenant_id, kind, consumer_id, scope);
      ${tenantTableSql('vault', 'consumers', 'select, insert, update, delete')}

      create table vault.consumer_references (
        tenant_id text not null,
        stream_id text not null,
        secret_stream text not null,
        -- As it may be recorded: the path itself is in the table of secrets.
        path text collate "C" not null,
        mounted_version integer,
        mounted_at timestamptz,
        primary key (tenant_id, stream_id, secret_stream)
      );
      create index consumer_references_secret on vault.consumer_references (tenant_id, secret_stream);
      ${tenantTableSql('vault', 'consumer_references', 'select, insert, update, delete')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table vault.consumer_references; drop table vault.consumers;');
  }
}
