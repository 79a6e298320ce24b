import { dropKnownDevicesSql, knownDevicesSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new table fills itself: its consumer is new and reads the registry's log from its beginning. */
export class KnownDevices1700000002901 implements MigrationInterface {
  name = 'KnownDevices1700000002901';

  async up(query: QueryRunner): Promise<void> {
    await query.query(knownDevicesSql('vault'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(dropKnownDevicesSql('vault'));
  }
}
