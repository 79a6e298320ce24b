import type { MigrationInterface, QueryRunner } from 'typeorm';

/** With which words a device refused what policy had allowed. */
export class Refusals1700000003004 implements MigrationInterface {
  name = 'Refusals1700000003004';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`alter table registry.session_activity add column refused text[] not null default '{}'`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('alter table registry.session_activity drop column refused');
  }
}
