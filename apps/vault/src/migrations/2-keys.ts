import { roleNames } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { keyGuardsSql } from '../key/sealed-table-sql.js';

/** Seals and their state, rotation of root and tenant keys, tenants that seal themselves. */
export class Keys1700000002001 implements MigrationInterface {
  name = 'Keys1700000002001';

  async up(query: QueryRunner): Promise<void> {
    const { system } = roleNames('vault');
    await query.query(`
      alter table vault.root_keys add algorithm text not null default 'A256GCM';
      -- What the seal needs to know and everybody may: of shamir how many shares there are and how many are needed.
      alter table vault.root_keys add seal_facts jsonb not null default '{}';

      alter table vault.tenant_keys add algorithm text not null default 'A256GCM';
      alter table vault.tenant_keys add retiring boolean not null default false;
      -- Of a tenant that sealed itself: the key under the tenant's own. "wrapped" then holds a key that opens it only
      -- together with the tenant's.
      alter table vault.tenant_keys add sealed_key bytea;

      create table vault.seal_state (
        only_row boolean primary key default true check (only_row),
        sealed boolean not null default false,
        -- Grows with every change of keys or seals: a replica that missed the notification sees it.
        generation bigint not null default 1
      );
      insert into vault.seal_state default values;
      create table vault.tenant_seals (
        tenant_id text primary key,
        sealed_at timestamptz not null default now(),
        wrong_attempts integer not null default 0,
        next_attempt_at timestamptz not null default now()
      );
      grant select, update on vault.seal_state to ${system};
      grant select, insert, update, delete on vault.tenant_seals to ${system};
      ${keyGuardsSql}`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(`
      drop trigger wrapped_under_known_key on vault.tenant_keys;
      drop function vault.refuse_retired_root_key(), vault.refuse_retired_tenant_key();
      drop function if exists vault.refuse_retired_tenant_keys();
      drop table vault.tenant_seals, vault.seal_state;
      alter table vault.tenant_keys drop sealed_key, drop retiring, drop algorithm;
      alter table vault.root_keys drop seal_facts, drop algorithm;`);
  }
}
