import type { MigrationInterface, QueryRunner } from 'typeorm';
import { insertGuardSql, sealedTriggersSql } from '../key/sealed-table-sql.js';

/**
 * The guard of sealed values looked at inserted rows one by one, which was a third of what a secret's row cost. Tables that
 * were made before get the two triggers of today.
 */
export class SealedInserts1700000003001 implements MigrationInterface {
  name = 'SealedInserts1700000003001';

  async up(query: QueryRunner): Promise<void> {
    const replaced = tables.map(
      (table) => `
        drop trigger sealed_under_known_key on vault.${table};
        drop trigger if exists inserted_under_known_key on vault.${table};
        ${sealedTriggersSql(table)}`,
    );
    await query.query(insertGuardSql + replaced.join(''));
  }

  async down(query: QueryRunner): Promise<void> {
    const restored = tables.map(
      (table) => `
        drop trigger sealed_under_known_key on vault.${table};
        drop trigger inserted_under_known_key on vault.${table};
        create trigger sealed_under_known_key before insert or update of key_version on vault.${table}
          for each row when (new.key_version is not null) execute function vault.refuse_retired_tenant_key();`,
    );
    await query.query(`${restored.join('')} drop function vault.refuse_retired_tenant_keys();`);
  }
}

/** As of this migration. */
const tables = ['secret_versions', 'login_configs', 'wrapped_answers', 'database_secrets', 'transit_key_versions'];
