import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A person's grants in all tenants: for the export of a person. */
export class PersonalData1700000000090 implements MigrationInterface {
  name = 'PersonalData1700000000090';

  async up(query: QueryRunner): Promise<void> {
    await query.query('create index grants_person on policy.grants (subject_id, tenant_id, grant_id)');
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop index policy.grants_person');
  }
}
