import { roleNames } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `read_secret` for many readers of one tenant, and `store_secrets` with columns in place of JSON, which PostgreSQL parsed
 * anew for each value taken out of it: a fifth of what a write cost there. The functions of before stay: replicas of the
 * version before call them while they are being replaced.
 */
export class SecretBatches1700000002102 implements MigrationInterface {
  name = 'SecretBatches1700000002102';

  async up(query: QueryRunner): Promise<void> {
    const { request, system } = roleNames('vault');
    await query.query(`
      ${readSecretsSql}
      ${storeSecretRowsSql}
      revoke all on function vault.read_secrets, vault.store_secret_rows from public;
      grant execute on function vault.read_secrets, vault.store_secret_rows to ${request}, ${system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop function vault.read_secrets, vault.store_secret_rows');
  }
}

const readSecretsSql = `
  -- Each stream's state and last event with the row of one version, 0 for the current one: as many rows as were asked for,
  -- in that order.
  create function vault.read_secrets(for_tenant text, streams text[], wanted integer[])
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
      left join lateral (
        select e.revision, e.envelope from vault.events e
        where e.tenant_id = for_tenant and e.stream_id = asked.stream_id order by e.revision desc limit 1) l on true
      left join vault.secrets h on h.tenant_id = for_tenant and h.stream_id = asked.stream_id
      left join vault.secret_versions v on v.tenant_id = for_tenant and v.stream_id = asked.stream_id
        and v.version = case asked.version when 0 then h.current_version else asked.version end
      order by asked.place;
  end $function$;`;

/** A column: one text, its values divided by the record separator; the group separator stands for null. */
const column = (name: string): string => `string_to_array(${name}, e'\\x1e', e'\\x1d')`;
const columns = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => column(`${name}[${i + 1}]`)).join(', ');
// Of one empty text the server makes an empty array, and its element is null.
const required = (name: string): string => `coalesce(${name}, '')`;

export const storeSecretRowsSql = `
  -- Events and rows of several secrets of one tenant, in one transaction.
  create or replace function vault.store_secret_rows(for_tenant text, gone text[], new_events text[], heads text[], ended text[],
    sealed text[], fingerprints text[])
  returns void language plpgsql as $function$
  begin
    perform set_config('gatehouse.tenant', for_tenant, true);
    insert into vault.events (id, tenant_id, stream_id, revision, type, command_id, envelope)
      select id::uuid, for_tenant, stream, revision::integer, type, command, envelope
      from unnest(${columns('new_events', 6)}) with ordinality as t(id, stream, revision, type, command, envelope, place)
      order by place;
    if cardinality(gone) > 0 then
      delete from vault.secrets where tenant_id = for_tenant and stream_id = any(gone);
      delete from vault.secret_versions where tenant_id = for_tenant and stream_id = any(gone);
    end if;
    insert into vault.secrets (tenant_id, stream_id, secret_id, path, scope, reference_name, current_version, state,
        custom_metadata, updated_at)
      select for_tenant, stream, id::uuid, path, ${required('scope')}, ${required('reference')}, version::integer, state,
        metadata, at::timestamptz
      from unnest(${columns('heads', 9)}) as t(stream, id, path, scope, reference, version, state, metadata, at)
      on conflict (tenant_id, stream_id) do update set secret_id = excluded.secret_id, path = excluded.path,
        scope = excluded.scope, reference_name = excluded.reference_name, current_version = excluded.current_version,
        state = excluded.state, custom_metadata = excluded.custom_metadata, updated_at = excluded.updated_at;
    -- Pruned ones go, destroyed ones stay as a row without content.
    if ended[1] <> '' then
      delete from vault.secret_versions v using unnest(${columns('ended', 3)}) as t(stream, number, ending)
        where v.tenant_id = for_tenant and v.stream_id = stream and v.version = number::integer and ending = 'pruned';
      if strpos(ended[3], 'destroyed') > 0 then
        update vault.secret_versions v set ciphertext = null, wrapped_key = null, key_version = null
          from unnest(${columns('ended', 3)}) as t(stream, number, ending)
          where v.tenant_id = for_tenant and v.stream_id = stream and v.version = number::integer
            and ending = 'destroyed';
      end if;
    end if;
    insert into vault.secret_versions (tenant_id, stream_id, version, secret_id, ciphertext, wrapped_key, key_version,
        created_at)
      select for_tenant, stream, number::integer, id::uuid, decode(ciphertext, 'base64'), decode(wrapped, 'base64'),
        key::integer, at::timestamptz
      from unnest(${columns('sealed', 7)}) as t(stream, number, id, ciphertext, wrapped, key, at);
    if fingerprints[1] <> '' then
      insert into vault.value_fingerprints (tenant_id, fingerprint, secret_id, version, path)
        select for_tenant, decode(fingerprint, 'base64'), id::uuid, number::integer, path
        from unnest(${columns('fingerprints', 4)}) as t(fingerprint, id, number, path) on conflict do nothing;
    end if;
  end $function$;`;
