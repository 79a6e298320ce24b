import { dropKnownIssuersSql, knownIssuersSql } from '@gatehouse/authn';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class KnownIssuers1700000000052 implements MigrationInterface {
  name = 'KnownIssuers1700000000052';

  async up(query: QueryRunner): Promise<void> {
    await query.query(knownIssuersSql('identity'));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(dropKnownIssuersSql('identity'));
  }
}
