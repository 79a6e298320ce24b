import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TenantFixed1700000000022 implements MigrationInterface {
  name = 'TenantFixed1700000000022';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      alter table identity.session_secrets add column tenant_fixed boolean not null default false`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('alter table identity.session_secrets drop column tenant_fixed');
  }
}
