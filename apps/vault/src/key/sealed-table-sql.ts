/**
 * What a table of `sealedTables` gets in its migration: no row is stored under a tenant key that is retired already, whoever
 * sealed the value before. A writer holds the lock in shared mode until its commit, and the end of a rotation takes it alone.
 *
 * @example await query.query(`create table vault.secret_versions (...); ${sealedTableSql('secret_versions')}`)
 */
export const sealedTableSql = (table: string): string => `
  create index ${table}_key_version on vault.${table} (tenant_id, key_version);
  ${sealedTriggersSql(table)}`;

/** Inserted rows are looked at together: they come in batches, and have one key. */
export const sealedTriggersSql = (table: string): string => `
  create trigger inserted_under_known_key after insert on vault.${table} referencing new table as inserted
    for each statement execute function vault.refuse_retired_tenant_keys();
  create trigger sealed_under_known_key before update of key_version on vault.${table}
    for each row when (new.key_version is not null) execute function vault.refuse_retired_tenant_key();`;

/** Without both of them no key is deleted. */
export const sealedTriggers = ['inserted_under_known_key', 'sealed_under_known_key'] as const;

/** Names of the advisory locks, as SQL expressions over the tenant. */
export const tenantKeyLockSql = (tenant: string): string => `hashtextextended('vault:tenant-key:' || ${tenant}, 0)`;
export const rootKeyLockSql = `hashtextextended('vault:root-key', 0)`;

/** Id of the root key that a key is wrapped under: it stands in the clear in front (`wrapKey` of libs/crypto). */
export const wrappedUnderSql = (column: string): string => `encode(substring(${column} from 2 for 8), 'hex')`;

const tenantKeyGuardSql = (row: string): string => `
    perform pg_advisory_xact_lock_shared(${tenantKeyLockSql(`${row}.tenant_id`)});
    if not exists (select from tenant_keys
        where tenant_id = ${row}.tenant_id and purpose = 'data' and version = ${row}.key_version) then
      raise exception 'tenant key % is retired: seal again', ${row}.key_version using errcode = '40001';
    end if;`;

export const insertGuardSql = `
  create or replace function vault.refuse_retired_tenant_keys() returns trigger language plpgsql security definer
    set search_path = vault, pg_temp as $guard$
  declare
    used record;
  begin
    for used in select distinct tenant_id, key_version from inserted where key_version is not null
      order by tenant_id, key_version
    loop ${tenantKeyGuardSql('used')}
    end loop;
    return null;
  end $guard$;`;

/**
 * 40001, so that it counts as a race that was lost: sealing again, under the key that is active now, succeeds. The
 * functions run as their owner, since who serves requests may not look at keys.
 */
export const keyGuardsSql = `
  create function vault.refuse_retired_tenant_key() returns trigger language plpgsql security definer
    set search_path = vault, pg_temp as $guard$
  begin ${tenantKeyGuardSql('new')}
    return new;
  end $guard$;
  ${insertGuardSql}
  create function vault.refuse_retired_root_key() returns trigger language plpgsql security definer
    set search_path = vault, pg_temp as $guard$
  begin
    perform pg_advisory_xact_lock_shared(${rootKeyLockSql});
    if not exists (select from root_keys where id = ${wrappedUnderSql('new.wrapped')}) then
      raise exception 'this root key is retired: wrap again' using errcode = '40001';
    end if;
    return new;
  end $guard$;
  create trigger wrapped_under_known_key before insert or update of wrapped on vault.tenant_keys
    for each row execute function vault.refuse_retired_root_key();`;
