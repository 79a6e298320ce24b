import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is known of subjects and resources. Names are ordered by code unit, as cursors and searches compare them. */
export class Entities1700000000120 implements MigrationInterface {
  name = 'Entities1700000000120';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table policy.entities (
        tenant_id text not null,
        entity_type text collate "C" not null,
        entity_id text collate "C" not null,
        labels jsonb not null,
        properties jsonb not null,
        parents jsonb not null,
        owner_type text,
        owner_id text,
        revision integer not null,
        described_by_type text not null,
        described_by_id text not null,
        described_at timestamptz not null,
        primary key (tenant_id, entity_type, entity_id)
      );
      ${tenantTableSql('policy', 'entities', 'select, insert, update, delete')}
      -- By a digest of the three names, which together are longer than an index takes.
      create table policy.relationships (
        tenant_id text not null,
        relationship_id text collate "C" not null,
        subject_type text not null,
        subject_id text not null,
        relation text not null,
        resource_type text not null,
        resource_id text not null,
        revision integer not null,
        made_by_type text not null,
        made_by_id text not null,
        made_at timestamptz not null,
        primary key (tenant_id, relationship_id)
      );
      create index relationships_subject on policy.relationships (tenant_id, subject_type, subject_id);
      create index relationships_resource on policy.relationships (tenant_id, resource_type, resource_id);
      ${tenantTableSql('policy', 'relationships', 'select, insert, update, delete')}
      create index grants_scope on policy.grants (tenant_id, scope);`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop index policy.grants_scope; drop table policy.relationships; drop table policy.entities');
  }
}
