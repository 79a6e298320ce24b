import type { MigrationInterface, QueryRunner } from 'typeorm';
import { rateBucketsSql } from '../rate/stored-buckets.js';

/** Where all replicas count requests. */
export class RateBuckets1700000000107 implements MigrationInterface {
  name = 'RateBuckets1700000000107';

  async up(query: QueryRunner): Promise<void> {
    await query.query(rateBucketsSql('policy'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table policy.rate_buckets');
  }
}
