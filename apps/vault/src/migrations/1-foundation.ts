import { knownCallersSql, knownIssuersSql, knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql, roleNames } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Foundation1700000001001 implements MigrationInterface {
  name = 'Foundation1700000001001';

  async up(query: QueryRunner): Promise<void> {
    const parts = [eventTablesSql, projectionTablesSql, knownKeysSql, knownCallersSql, knownIssuersSql];
    for (const sqlOf of parts) await query.query(sqlOf('vault'));
    // Keys are for the system role alone: whoever serves a request never needs one of another tenant.
    await query.query(`
      create table vault.root_keys (
        id text primary key,
        wrapped bytea not null,
        seal_kind text not null,
        active boolean not null,
        created_at timestamptz not null default now()
      );
      create unique index root_keys_active on vault.root_keys (active) where active;
      create table vault.tenant_keys (
        tenant_id text not null,
        purpose text not null check (purpose in ('data', 'fingerprint')),
        version integer not null check (version > 0),
        wrapped bytea not null,
        created_at timestamptz not null default now(),
        primary key (tenant_id, purpose, version)
      );
      grant select, insert, update, delete on vault.root_keys, vault.tenant_keys to ${roleNames('vault').system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop schema vault cascade');
  }
}
