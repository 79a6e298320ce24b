import { knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ledgerTablesSql } from '../ledger/tables.js';

export class Foundation1795312800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const parts = [eventTablesSql, projectionTablesSql, knownKeysSql, ledgerTablesSql];
    for (const sqlOf of parts) await runner.query(sqlOf('audit'));
  }

  async down(): Promise<void> {
    // A ledger that can be taken back is none.
    throw new Error('the ledger is never removed by a migration');
  }
}
