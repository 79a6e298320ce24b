import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The functions of secrets look up rows one by one, through the index of their key. Left to itself the planner made a hash of all
 * versions of the tenant for each batch of reads, and planned that anew each time: it grows with what a tenant has. A lateral
 * look-up with a limit leaves it no other way; where rows are deleted there is none, so the other ways are closed.
 */
export class SecretPlans1700000002103 implements MigrationInterface {
  name = 'SecretPlans1700000002103';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      ${lookUpsSql}
      alter function vault.load_secrets set plan_cache_mode = force_generic_plan;
      alter function vault.read_secrets set plan_cache_mode = force_generic_plan;
      ${storePlansSql}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`
      alter function vault.load_secrets reset all;
      alter function vault.read_secrets reset all;
      alter function vault.store_secret_rows reset all;`);
  }
}

export const storePlansSql = `
      alter function vault.store_secret_rows
        set enable_hashjoin = off set enable_mergejoin = off set enable_material = off set enable_seqscan = off
        set enable_bitmapscan = off set plan_cache_mode = force_generic_plan;`;

const lastEventSql = `
      left join lateral (
        select e.revision, e.envelope from vault.events e
        where e.tenant_id = for_tenant and e.stream_id = asked.stream_id order by e.revision desc limit 1) l on true`;
const headSql = `
      left join lateral (
        select s.path, s.state, s.custom_metadata, s.current_version from vault.secrets s
        where s.tenant_id = for_tenant and s.stream_id = asked.stream_id limit 1) h on true`;

const lookUpsSql = `
  create or replace function vault.load_secrets(for_tenant text, streams text[])
  returns table (stream_id text, revision integer, envelope text, path text, state text, custom_metadata text,
    max_versions integer, cas_required boolean, delete_version_after_seconds float8)
  language plpgsql as $function$
  #variable_conflict use_column
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    return query
      select asked.stream_id, l.revision, l.envelope, h.path, h.state, h.custom_metadata,
        c.max_versions, c.cas_required, c.delete_version_after_seconds::float8
      from unnest(streams) as asked(stream_id)
      ${lastEventSql}
      ${headSql}
      left join lateral (
        select g.max_versions, g.cas_required, g.delete_version_after_seconds from vault.secret_configs g
        where g.tenant_id = for_tenant limit 1) c on true;
  end $function$;

  create or replace function vault.read_secrets(for_tenant text, streams text[], wanted integer[])
  returns table (stream_id text, revision integer, envelope text, path text, state text, custom_metadata text,
    version integer, secret_id uuid, ciphertext bytea, wrapped_key bytea, key_version integer)
  language plpgsql as $function$
  #variable_conflict use_column
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    return query
      select asked.stream_id, l.revision, l.envelope, h.path, h.state, h.custom_metadata,
        v.version, v.secret_id, v.ciphertext, v.wrapped_key, v.key_version
      from unnest(streams, wanted) with ordinality as asked(stream_id, version, place)
      ${lastEventSql}
      ${headSql}
      left join lateral (
        select x.version, x.secret_id, x.ciphertext, x.wrapped_key, x.key_version from vault.secret_versions x
        where x.tenant_id = for_tenant and x.stream_id = asked.stream_id
          and x.version = case asked.version when 0 then h.current_version else asked.version end limit 1) v on true
      order by asked.place;
  end $function$;`;
