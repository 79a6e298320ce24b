import { dropKnownCallersSql, knownCallersSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new tables fill themselves: their projection is new, so it begins with a rebuild from the log. */
export class KnownCallers1700000000060 implements MigrationInterface {
  name = 'KnownCallers1700000000060';

  async up(query: QueryRunner): Promise<void> {
    await query.query(knownCallersSql('identity'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(dropKnownCallersSql('identity'));
  }
}
