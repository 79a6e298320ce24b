import { tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sealedTableSql } from '../key/sealed-table-sql.js';

const rights = 'select, insert, update, delete';

const tables: Readonly<Record<string, string>> = {
  // Roles of AppRole, JWT and Kubernetes logins. `role_id` is of one incarnation of a name and never used again.
  login_roles: `tenant_id text not null, role_id uuid primary key, method text not null, name text not null,
    settings jsonb not null, login_id text not null, login_id_chosen boolean not null, created_at timestamptz not null,
    constraint login_roles_name unique (tenant_id, method, name),
    constraint login_roles_login_id unique (tenant_id, login_id)`,
  secret_ids: `tenant_id text not null, secret_id_id uuid primary key,
    role_id uuid not null references vault.login_roles on delete cascade, fingerprint bytea not null,
    created_at timestamptz not null, expires_at timestamptz, ttl_seconds integer not null, num_uses integer not null,
    uses integer not null default 0, networks text[] not null, token_networks text[] not null, metadata jsonb not null,
    used_at timestamptz, constraint secret_ids_text unique (role_id, fingerprint)`,
  login_configs: `tenant_id text not null, method text not null, config_id uuid not null, settings jsonb not null,
    ciphertext bytea, wrapped_key bytea, key_version integer, primary key (tenant_id, method)`,
  used_logins: `tenant_id text not null, role_id uuid not null references vault.login_roles on delete cascade,
    token_hash bytea not null, expires_at timestamptz not null, primary key (tenant_id, role_id, token_hash)`,
  tokens: `tenant_id text not null, token_id uuid primary key, fingerprint bytea not null unique,
    parent_id uuid references vault.tokens on delete cascade, depth integer not null,
    principal_type text not null, principal_id text not null,
    made_with text, session_id text, methods text[], login_role_id uuid, scopes text[], networks text[] not null,
    path text not null, display_name text not null, meta jsonb not null, created_at timestamptz not null,
    ttl_seconds integer not null, explicit_max_ttl_seconds integer not null, expires_at timestamptz not null,
    max_expires_at timestamptz not null, renewable boolean not null, num_uses integer not null,
    uses integer not null default 0, revoked_at timestamptz`,
  wrapped_answers: `tenant_id text not null, wrapped_id uuid not null, fingerprint bytea not null unique,
    creation_path text not null, created_at timestamptz not null, expires_at timestamptz not null,
    ttl_seconds integer not null, status text not null check (status in ('sealed', 'opened', 'replaced')),
    failures integer not null default 0, ciphertext bytea, wrapped_key bytea, key_version integer,
    primary key (tenant_id, wrapped_id)`,
};

const sealedTables = ['login_configs', 'wrapped_answers'];

/** Tables of all tenants at once: whoever logs in has said nothing yet that tells his. Keyed hashes and counts only. */
const countTables = `
  create table vault.login_guesses (key text primary key, count integer not null, since timestamptz not null);
  grant ${rights} on vault.login_guesses to gatehouse_vault_system;`;

const indexes = `
  create unique index login_roles_made_id on vault.login_roles (login_id) where not login_id_chosen;
  create index tokens_of_parent on vault.tokens (parent_id) where parent_id is not null;
  create index tokens_end on vault.tokens (expires_at);
  create index tokens_of_tenant on vault.tokens (tenant_id, expires_at);
  create index wrapped_answers_of_tenant on vault.wrapped_answers (tenant_id, expires_at) where status = 'sealed';
  create index wrapped_answers_end on vault.wrapped_answers (expires_at);
  create index secret_ids_end on vault.secret_ids (expires_at) where expires_at is not null;
  create index used_logins_end on vault.used_logins (expires_at);`;

// Every replica hears what makes a token end earlier or later than it remembers. A new token is in nobody's memory.
const triggers = `
  create function vault.tell_tokens() returns trigger language plpgsql as $$
  begin
    perform pg_notify('gatehouse_tokens_vault', tg_argv[0] || ':' || (to_jsonb(old) ->> tg_argv[1]));
    return null;
  end $$;
  create trigger tell_tokens after delete or update of expires_at, max_expires_at, revoked_at on vault.tokens
    for each row execute function vault.tell_tokens('token', 'token_id');
  create trigger tell_tokens after delete or update on vault.login_roles
    for each row execute function vault.tell_tokens('role', 'role_id');`;

export class Tokens1700000002301 implements MigrationInterface {
  name = 'Tokens1700000002301';

  async up(query: QueryRunner): Promise<void> {
    for (const [table, columns] of Object.entries(tables))
      await query.query(`create table vault.${table} (${columns}); ${tenantTableSql('vault', table, rights)}`);
    await query.query(countTables + indexes + triggers + sealedTables.map(sealedTableSql).join(''));
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`drop table vault.login_guesses, ${Object.keys(tables)
      .reverse()
      .map((table) => `vault.${table}`)
      .join(', ')};
      drop function vault.tell_tokens();`);
  }
}
