import { knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql, tenantTableSql } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Foundation1700000000001 implements MigrationInterface {
  name = 'Foundation1700000000001';

  async up(query: QueryRunner): Promise<void> {
    await query.query(eventTablesSql('policy'));
    await query.query(projectionTablesSql('policy'));
    await query.query(knownKeysSql('policy'));
    await query.query(`
      create table policy.grants (
        tenant_id text not null,
        grant_id text not null,
        subject_type text not null,
        subject_id text not null,
        role text not null,
        scope text not null,
        active boolean not null,
        revision integer not null,
        granted_by_type text not null,
        granted_by_id text not null,
        granted_at timestamptz not null,
        primary key (tenant_id, grant_id)
      );
      create index grants_subject on policy.grants (tenant_id, subject_type, subject_id);
      ${tenantTableSql('policy', 'grants', 'select, insert, update')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop schema policy cascade');
  }
}
