import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Finds the entries of one person that `entries_who` does not: decisions that the person asked for about somebody else,
 * and changes of the person by others. Both are rare, so appending costs next to nothing.
 */
export class PersonalData1795312800090 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index entries_asked on audit.entries (tenant_id, actor_id, occurred_at, idx)
        where subject_id is not null and actor_type = 'user';
      create index entries_person on audit.entries (tenant_id, stream_id, occurred_at, idx)
        where stream_id like 'user:%';`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index audit.entries_asked; drop index audit.entries_person');
  }
}
