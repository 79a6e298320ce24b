import { dropKnownCallersSql, knownCallersSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new tables fill themselves: their consumer is new and reads identity's log from its beginning. */
export class KnownCallers1700000000060 implements MigrationInterface {
  name = 'KnownCallers1700000000060';

  async up(query: QueryRunner): Promise<void> {
    await query.query(knownCallersSql('policy'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(dropKnownCallersSql('policy'));
  }
}
