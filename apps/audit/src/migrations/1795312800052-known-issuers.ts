import { knownIssuersSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new tables fill themselves: their consumer is new and reads identity's log from its beginning. */
export class KnownIssuers1795312800052 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(knownIssuersSql('audit'));
  }

  async down(): Promise<void> {
    throw new Error('the ledger is never removed by a migration');
  }
}
