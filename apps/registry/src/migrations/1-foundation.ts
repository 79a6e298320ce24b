import { knownCallersSql, knownDevicesSql, knownIssuersSql, knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Foundation1700000003001 implements MigrationInterface {
  name = 'Foundation1700000003001';

  async up(query: QueryRunner): Promise<void> {
    const parts = [eventTablesSql, projectionTablesSql, knownKeysSql, knownCallersSql, knownIssuersSql];
    for (const sqlOf of parts) await query.query(sqlOf('registry'));
    await query.query(knownDevicesSql('registry', 'select, insert, delete'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop schema registry cascade');
  }
}
