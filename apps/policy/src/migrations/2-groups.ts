import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Groups1700000000002 implements MigrationInterface {
  name = 'Groups1700000000002';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table policy.group_members (
        tenant_id text not null,
        group_entity jsonb not null,
        member_entity jsonb not null,
        primary key (tenant_id, group_entity, member_entity)
      );
      ${tenantTableSql('policy', 'group_members', 'select, insert, delete')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table policy.group_members');
  }
}
