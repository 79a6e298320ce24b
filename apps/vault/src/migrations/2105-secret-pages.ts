import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Room in each page of secrets for the next states of those in it. A write replaces the row; where its page is full the new
 * one goes elsewhere and into four indexes, and every look-up walks past the dead ones until the next vacuum: what a write
 * cost PostgreSQL grew threefold within a minute of load. Pages that are full already get their room when they are rewritten.
 */
export class SecretPages1700000002105 implements MigrationInterface {
  name = 'SecretPages1700000002105';

  async up(query: QueryRunner): Promise<void> {
    await query.query('alter table vault.secrets set (fillfactor = 50)');
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('alter table vault.secrets reset (fillfactor)');
  }
}
