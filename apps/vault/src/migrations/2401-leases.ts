import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sealedTableSql } from '../key/sealed-table-sql.js';

export class Leases1700000002401 implements MigrationInterface {
  name = 'Leases1700000002401';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      -- Databases, roles and static roles by name: what there is, and which target a keeper has to look after.
      create table vault.database_entries (
        tenant_id text not null,
        kind text not null check (kind in ('database', 'role', 'static-role')),
        name text not null,
        database text not null,
        -- Of a static role: when its password is to be changed; a rotation that began is due at once.
        rotate_at timestamptz,
        primary key (tenant_id, kind, name)
      );
      ${tenantTableSql('vault', 'database_entries', 'select, insert, update, delete')}

      -- Not a read model: the passwords themselves, sealed.
      create table vault.database_secrets (
        tenant_id text not null,
        owner_id uuid not null,
        version integer not null check (version > 0),
        ciphertext bytea not null,
        wrapped_key bytea not null,
        key_version integer not null,
        primary key (tenant_id, owner_id, version)
      );
      ${tenantTableSql('vault', 'database_secrets', 'select, insert, update, delete')}
      ${sealedTableSql('database_secrets')}

      create table vault.leases (
        tenant_id text not null,
        lease_id text not null,
        database text not null,
        role text not null,
        username text not null,
        holder text,
        -- Null for one that was adopted.
        principal_type text,
        principal_id text,
        credential text,
        status text not null,
        reason text,
        alarmed boolean not null default false,
        requested_at timestamptz not null,
        valid_until timestamptz not null,
        renew_until timestamptz,
        max_until timestamptz not null,
        since timestamptz not null,
        revision integer not null,
        primary key (tenant_id, lease_id)
      );
      create index leases_open on vault.leases (tenant_id, database, status, valid_until)
        where status in ('requested', 'active', 'renewing', 'revoking');
      create index leases_holder on vault.leases (tenant_id, holder)
        where status in ('requested', 'active', 'renewing', 'revoking');
      ${tenantTableSql('vault', 'leases', 'select, insert, update')}

      -- How often in vain, and when again. Lost, it costs nothing but patience: whoever reads it is the keeper alone.
      create table vault.keeper_attempts (
        tenant_id text not null,
        kind text not null check (kind in ('lease', 'static-role')),
        id text not null,
        failures integer not null,
        next_at timestamptz not null,
        primary key (tenant_id, kind, id)
      );
      grant select, insert, update, delete on vault.keeper_attempts to ${roleNames('vault').system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table vault.keeper_attempts, vault.leases, vault.database_secrets, vault.database_entries');
  }
}
