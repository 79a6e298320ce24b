import type { MigrationInterface, QueryRunner } from 'typeorm';
import { storeSecretRowsSql } from './2102-secret-batches.js';
import { storePlansSql } from './2103-secret-plans.js';

/**
 * `store_secret_rows` once more: as it was made first, it sent a notification within each transaction, which makes all commits
 * of the server take turns. Databases of that time have it still; for the others nothing changes.
 */
export class SecretStores1700000002104 implements MigrationInterface {
  name = 'SecretStores1700000002104';

  async up(query: QueryRunner): Promise<void> {
    // What is replaced keeps its owner and its grants, not its settings.
    await query.query(`${storeSecretRowsSql} ${storePlansSql}`);
  }

  async down(): Promise<void> {}
}
