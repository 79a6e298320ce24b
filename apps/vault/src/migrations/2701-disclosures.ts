import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who asked for which version of a secret and was it given, as policy recorded it; and by what a value is found again.
 * Both are read models: the first of policy's log, the second of the sealed versions.
 */
export class Disclosures1700000002701 implements MigrationInterface {
  name = 'Disclosures1700000002701';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table vault.disclosures (
        tenant_id text not null,
        decision_id text not null,
        -- Absent where nothing of this path was there, or nothing was given.
        secret_id uuid,
        path text collate "C" not null,
        version integer not null,
        subject_type text not null,
        subject_id text not null,
        credential text,
        allowed boolean not null,
        reason text not null,
        correlation_id text not null,
        occurred_at timestamptz not null,
        primary key (tenant_id, decision_id)
      );
      create index disclosures_secret on vault.disclosures (tenant_id, secret_id, version) where allowed;
      create index disclosures_path on vault.disclosures (tenant_id, path, occurred_at);
      create index disclosures_subject on vault.disclosures (tenant_id, subject_type, subject_id, occurred_at);
      create index disclosures_time on vault.disclosures (tenant_id, occurred_at, decision_id);
      ${tenantTableSql('vault', 'disclosures', 'select')}
      create table vault.value_fingerprints (
        tenant_id text not null,
        fingerprint bytea not null check (length(fingerprint) = 32),
        secret_id uuid not null,
        version integer not null,
        -- Said here too: what was forgotten is still found again.
        path text not null,
        primary key (tenant_id, fingerprint, secret_id, version)
      );
      create index value_fingerprints_version on vault.value_fingerprints (tenant_id, secret_id, version);
      ${tenantTableSql('vault', 'value_fingerprints', 'select, insert')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table vault.value_fingerprints; drop table vault.disclosures');
  }
}
