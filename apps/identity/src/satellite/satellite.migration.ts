import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Audiences1700000000070 implements MigrationInterface {
  name = 'Audiences1700000000070';

  async up(query: QueryRunner): Promise<void> {
    // Unique across tenants: a token names its audience and no tenant of it.
    await query.query(`
      create table identity.audiences (
        tenant_id text not null,
        name text not null,
        status text not null check (status in ('active', 'inactive')),
        reason text,
        access text not null check (access in ('tenant', 'anyone')),
        guests boolean not null,
        shows_email boolean not null,
        created_at timestamptz not null,
        revision integer not null,
        constraint audiences_name primary key (name)
      );
      create index audiences_tenant on identity.audiences (tenant_id, name);
      ${tenantTableSql('identity', 'audiences', 'select, insert, update')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.audiences');
  }
}
