import { knownDevicesSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new table fills itself: its consumer is new and reads the registry's log from its beginning. */
export class KnownDevices1795312800130 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(knownDevicesSql('audit'));
  }

  async down(): Promise<void> {
    throw new Error('the ledger is never removed by a migration');
  }
}
