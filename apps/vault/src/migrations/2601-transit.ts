import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sealedTableSql } from '../key/sealed-table-sql.js';

/** Names of transit keys, and the sealed material of their versions. What a key may do is in its stream. */
export class Transit1700000002601 implements MigrationInterface {
  name = 'Transit1700000002601';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table vault.transit_keys (
        tenant_id text not null,
        name text collate "C" not null check (octet_length(name) between 1 and 128),
        key_id uuid not null,
        primary key (tenant_id, name)
      );
      ${tenantTableSql('vault', 'transit_keys', 'select, insert, delete')}

      create table vault.transit_key_versions (
        tenant_id text not null,
        key_id uuid not null,
        version integer not null check (version > 0),
        ciphertext bytea not null,
        wrapped_key bytea not null,
        key_version integer not null,
        primary key (tenant_id, key_id, version)
      );
      ${tenantTableSql('vault', 'transit_key_versions', 'select, insert, update, delete')}
      ${sealedTableSql('transit_key_versions')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table vault.transit_key_versions, vault.transit_keys');
  }
}
