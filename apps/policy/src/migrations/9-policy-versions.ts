import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class PolicyVersions1700000000110 implements MigrationInterface {
  name = 'PolicyVersions1700000000110';

  async up(query: QueryRunner): Promise<void> {
    const { system } = roleNames('policy');
    await query.query(`
      -- Not a read model: the text itself, which its event names by digest. Nobody may change or remove a row.
      create table policy.policy_texts (
        tenant_id text not null,
        digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
        text text not null check (octet_length(text) <= 1048576),
        primary key (tenant_id, digest)
      );
      ${tenantTableSql('policy', 'policy_texts', 'select, insert')}
      revoke update, delete, truncate on policy.policy_texts from ${system};

      create table policy.policy_versions (
        tenant_id text not null,
        digest text not null,
        title text not null,
        bytes integer not null,
        drafted_by_type text not null,
        drafted_by_id text not null,
        drafted_at timestamptz not null,
        activated_at timestamptz,
        primary key (tenant_id, digest)
      );
      create index policy_versions_drafted on policy.policy_versions (tenant_id, drafted_at, digest);
      ${tenantTableSql('policy', 'policy_versions', 'select, insert, update')}

      create table policy.active_policies (
        tenant_id text primary key,
        digest text,
        mode text not null,
        four_eyes boolean not null
      );
      ${tenantTableSql('policy', 'active_policies', 'select, insert, update')}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop table policy.active_policies, policy.policy_versions, policy.policy_texts');
  }
}
