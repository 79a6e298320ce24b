import { notifyChannel, roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sealedTableSql } from '../key/sealed-table-sql.js';

/**
 * Rows beside the log: a secret's state as its events made it, and the sealed versions. The three functions are there for
 * the round trips they save: each sets the tenant that row-level security goes by and does its work in one statement of the
 * client. They run with the rights of who calls them.
 */
export class Secrets1700000002101 implements MigrationInterface {
  name = 'Secrets1700000002101';

  async up(query: QueryRunner): Promise<void> {
    const { request, system } = roleNames('vault');
    await query.query(`
      create table vault.secrets (
        tenant_id text not null,
        stream_id text not null,
        secret_id uuid not null,
        path text collate "C" not null check (octet_length(path) between 1 and 512),
        -- For references: everything before the last slash, and the rest in lower case.
        scope text collate "C" not null,
        reference_name text collate "C" not null,
        current_version integer not null,
        -- Canonical JSON of the folded state; its digest is in the last event of the stream.
        state text not null,
        custom_metadata text,
        updated_at timestamptz not null,
        primary key (tenant_id, stream_id)
      );
      create unique index secrets_path on vault.secrets (tenant_id, path);
      create index secrets_reference on vault.secrets (tenant_id, scope, reference_name);
      create unique index secrets_secret on vault.secrets (tenant_id, secret_id);
      ${tenantTableSql('vault', 'secrets', 'select, insert, update, delete')}

      create table vault.secret_versions (
        tenant_id text not null,
        stream_id text not null,
        version integer not null check (version > 0),
        secret_id uuid not null,
        -- All three null once the version is destroyed.
        ciphertext bytea,
        wrapped_key bytea,
        key_version integer,
        created_at timestamptz not null,
        primary key (tenant_id, stream_id, version)
      );
      -- Ciphertext does not compress: trying costs time.
      alter table vault.secret_versions alter column ciphertext set storage external;
      create index secret_versions_secret on vault.secret_versions (tenant_id, secret_id, version);
      ${tenantTableSql('vault', 'secret_versions', 'select, insert, update, delete')}
      ${sealedTableSql('secret_versions')}

      create table vault.secret_configs (
        tenant_id text primary key,
        max_versions integer not null check (max_versions between 0 and 1000),
        cas_required boolean not null,
        delete_version_after_seconds bigint not null check (delete_version_after_seconds >= 0)
      );
      ${tenantTableSql('vault', 'secret_configs', 'select, insert, update')}
      ${functionsSql}
      revoke all on function vault.load_secrets, vault.read_secret, vault.store_secrets, vault.list_secrets, vault.find_reference
        from public;
      grant execute on function vault.load_secrets, vault.read_secret, vault.store_secrets, vault.list_secrets, vault.find_reference
        to ${request}, ${system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`
      drop function vault.load_secrets, vault.read_secret, vault.store_secrets, vault.list_secrets,
        vault.find_reference;
      drop table vault.secret_configs, vault.secret_versions, vault.secrets`);
  }
}

const functionsSql = `
  -- Each stream's state, with the last event of its log and the tenant's defaults.
  create function vault.load_secrets(for_tenant text, streams text[])
  returns table (stream_id text, revision integer, envelope text, path text, state text, custom_metadata text,
    max_versions integer, cas_required boolean, delete_version_after_seconds float8)
  language plpgsql as $function$
  #variable_conflict use_column
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    return query
      select wanted.stream_id, l.revision, l.envelope, h.path, h.state, h.custom_metadata,
        c.max_versions, c.cas_required, c.delete_version_after_seconds::float8
      from unnest(streams) as wanted(stream_id)
      left join lateral (
        select e.revision, e.envelope from vault.events e
        where e.tenant_id = for_tenant and e.stream_id = wanted.stream_id order by e.revision desc limit 1) l on true
      left join vault.secrets h on h.tenant_id = for_tenant and h.stream_id = wanted.stream_id
      left join vault.secret_configs c on c.tenant_id = for_tenant;
  end $function$;

  -- The same of one stream, with the row of one version: 0 for the current one.
  create function vault.read_secret(for_tenant text, stream text, wanted integer)
  returns table (stream_id text, revision integer, envelope text, path text, state text, custom_metadata text,
    version integer, secret_id uuid, ciphertext bytea, wrapped_key bytea, key_version integer)
  language plpgsql as $function$
  #variable_conflict use_column
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    return query
      select stream, l.revision, l.envelope, h.path, h.state, h.custom_metadata,
        v.version, v.secret_id, v.ciphertext, v.wrapped_key, v.key_version
      from (select 1) as always
      left join lateral (
        select e.revision, e.envelope from vault.events e
        where e.tenant_id = for_tenant and e.stream_id = stream order by e.revision desc limit 1) l on true
      left join vault.secrets h on h.tenant_id = for_tenant and h.stream_id = stream
      left join vault.secret_versions v on v.tenant_id = for_tenant and v.stream_id = stream
        and v.version = case wanted when 0 then h.current_version else wanted end;
  end $function$;

  -- Events and rows of several secrets of one tenant, in one transaction. Columns come as JSON, bytes in base64.
  create function vault.store_secrets(for_tenant text, new_events json, gone text[], heads json, ended json,
    sealed json, fingerprints json)
  returns void language plpgsql as $function$
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    insert into vault.events (id, tenant_id, stream_id, revision, type, command_id, envelope)
      select (e->>0)::uuid, for_tenant, e->>1, (e->>2)::integer, e->>3, e->>4, e->>5
      from json_array_elements(new_events) with ordinality as t(e, place) order by place;
    if cardinality(gone) > 0 then
      delete from vault.secrets where tenant_id = for_tenant and stream_id = any(gone);
      delete from vault.secret_versions where tenant_id = for_tenant and stream_id = any(gone);
    end if;
    insert into vault.secrets (tenant_id, stream_id, secret_id, path, scope, reference_name, current_version, state,
        custom_metadata, updated_at)
      select for_tenant, h->>0, (h->>1)::uuid, h->>2, h->>3, h->>4, (h->>5)::integer, h->>6, h->>7, (h->>8)::timestamptz
      from json_array_elements(heads) as t(h)
      on conflict (tenant_id, stream_id) do update set secret_id = excluded.secret_id, path = excluded.path,
        scope = excluded.scope, reference_name = excluded.reference_name, current_version = excluded.current_version,
        state = excluded.state, custom_metadata = excluded.custom_metadata, updated_at = excluded.updated_at;
    -- Pruned ones go, destroyed ones stay as a row without content.
    if json_array_length(ended) > 0 then
      delete from vault.secret_versions v using json_array_elements(ended) as t(n)
        where v.tenant_id = for_tenant and v.stream_id = n->>0 and v.version = (n->>1)::integer and n->>2 = 'pruned';
      update vault.secret_versions v set ciphertext = null, wrapped_key = null, key_version = null
        from json_array_elements(ended) as t(n)
        where v.tenant_id = for_tenant and v.stream_id = n->>0 and v.version = (n->>1)::integer and n->>2 = 'destroyed';
    end if;
    insert into vault.secret_versions (tenant_id, stream_id, version, secret_id, ciphertext, wrapped_key, key_version,
        created_at)
      select for_tenant, s->>0, (s->>1)::integer, (s->>2)::uuid, decode(s->>3, 'base64'), decode(s->>4, 'base64'),
        (s->>5)::integer, (s->>6)::timestamptz
      from json_array_elements(sealed) as t(s);
    if json_array_length(fingerprints) > 0 then
      insert into vault.value_fingerprints (tenant_id, fingerprint, secret_id, version, path)
        select for_tenant, decode(f->>0, 'base64'), (f->>1)::uuid, (f->>2)::integer, f->>3
        from json_array_elements(fingerprints) as t(f) on conflict do nothing;
    end if;
    perform pg_notify('${notifyChannel('vault')}', '');
  end $function$;

  -- Paths that a reference may mean: more than one where names differ by letter case only.
  create function vault.find_reference(for_tenant text, wanted_scope text, wanted_name text) returns setof text
  language plpgsql as $function$
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    return query select s.path from vault.secrets s
      where s.tenant_id = for_tenant and s.scope = wanted_scope and s.reference_name = wanted_name
      order by s.path limit 5;
  end $function$;

  -- Names below a prefix in the order of their bytes, after one of them. Without "deep" what lies in a folder shows as the
  -- folder only, and the next look-up skips it: a page costs as many look-ups as it has names, however full the folders are.
  create function vault.list_secrets(for_tenant text, prefix text, after text, deep boolean, wanted integer)
  returns setof text language plpgsql as $function$
  declare
    -- The character behind the slash: everything in a folder sorts before it.
    low text := prefix || case when not deep and after like '%/' then left(after, -1) || '0' else after end;
    passes boolean := after <> '' and (deep or after not like '%/');
    high text := left(prefix, -1) || '0';
    found text;
    slash integer;
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    for counted in 1..wanted loop
      select s.path into found from vault.secrets s
        where s.tenant_id = for_tenant and s.path collate "C" >= low collate "C"
          and (not passes or s.path collate "C" <> low collate "C")
          and (prefix = '' or s.path collate "C" < high collate "C")
        order by s.path collate "C" limit 1;
      exit when found is null;
      slash := case when deep then 0 else strpos(substr(found, length(prefix) + 1), '/') end;
      if slash = 0 then
        return next substr(found, length(prefix) + 1);
        low := found;
        passes := true;
      else
        return next substr(found, length(prefix) + 1, slash);
        low := left(found, length(prefix) + slash - 1) || '0';
        passes := false;
      end if;
    end loop;
  end $function$;`;
