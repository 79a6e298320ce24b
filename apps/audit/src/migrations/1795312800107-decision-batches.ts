import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries that hold decisions about several subjects are found by each of them. */
export class DecisionBatches1795312800107 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table audit.entries add column subject_ids text[];
      create index entries_among on audit.entries using gin (subject_ids) where subject_ids is not null;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index audit.entries_among; alter table audit.entries drop column subject_ids');
  }
}
