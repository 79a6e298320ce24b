import { dropKnownIssuersSql, knownIssuersSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The new tables fill themselves: their consumer is new and reads identity's log from its beginning. */
export class KnownIssuers1700000000052 implements MigrationInterface {
  name = 'KnownIssuers1700000000052';

  async up(query: QueryRunner): Promise<void> {
    await query.query(knownIssuersSql('policy'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(dropKnownIssuersSql('policy'));
  }
}
