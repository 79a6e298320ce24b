import { roleNames } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys of the installation, not of a tenant: only the system role sees them. No event holds one. */
export class SigningKeys1700000000003 implements MigrationInterface {
  name = 'SigningKeys1700000000003';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table identity.signing_keys (
        kid text primary key,
        algorithm text not null,
        public_jwk jsonb not null,
        wrapped bytea not null,
        sealed jsonb not null,
        created_at timestamptz not null,
        signs_from timestamptz not null,
        signs_until timestamptz not null,
        published_until timestamptz not null
      );
      grant select, insert, update, delete on identity.signing_keys to ${roleNames('identity').system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.signing_keys');
  }
}
