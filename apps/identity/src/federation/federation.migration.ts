import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class IdentityProviders1700000000050 implements MigrationInterface {
  name = 'IdentityProviders1700000000050';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table identity.idps (
        tenant_id text not null,
        idp_id uuid not null,
        name text not null,
        issuer text not null,
        client_id text not null,
        domains text[] not null,
        config jsonb not null,
        created_at timestamptz not null,
        revision integer not null,
        primary key (tenant_id, idp_id),
        constraint idps_name unique (tenant_id, name),
        constraint idps_issuer unique (tenant_id, issuer, client_id)
      );
      create index idps_domains on identity.idps using gin (domains);
      ${tenantTableSql('identity', 'idps', 'select, insert, update, delete')}
      -- What no event may hold: no projection writes it and no rebuild touches it.
      create table identity.idp_secrets (
        tenant_id text not null,
        idp_id uuid not null,
        wrapped bytea not null,
        sealed jsonb not null,
        primary key (tenant_id, idp_id)
      );
      ${tenantTableSql('identity', 'idp_secrets', 'select, insert, update, delete')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table identity.idp_secrets; drop table identity.idps');
  }
}
