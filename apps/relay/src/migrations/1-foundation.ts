import { knownCallersSql, knownDevicesSql, knownIssuersSql, knownKeysSql } from '@gatehouse/authn';
import { eventTablesSql, roleNames, tenantTableSql } from '@gatehouse/event-store';
import { projectionTablesSql } from '@gatehouse/projection';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const { system } = roleNames('relay');

/** Which row of a mirrored table changed: every replica reads it anew. */
const tellSql = (table: string, channel: string, key: string): string => `
  create function relay.tell_${table}() returns trigger language plpgsql as $$
  begin
    perform pg_notify('${channel}', case when tg_op = 'DELETE' then old.${key} else new.${key} end::text);
    return null;
  end $$;
  create trigger tell_${table} after insert or update or delete on relay.${table}
    for each row execute function relay.tell_${table}();`;

export class Foundation1700000005001 implements MigrationInterface {
  name = 'Foundation1700000005001';

  async up(query: QueryRunner): Promise<void> {
    const parts = [
      eventTablesSql,
      projectionTablesSql,
      knownKeysSql,
      knownCallersSql,
      knownDevicesSql,
      knownIssuersSql,
    ];
    for (const sqlOf of parts) await query.query(sqlOf('relay'));
    await query.query(`
      -- As the registry's log tells.
      create table relay.device_identities (
        device_id uuid primary key,
        tenant_id text not null,
        identity_key text not null,
        removed boolean not null
      );
      create table relay.renewals (
        session_id uuid primary key,
        expires_at timestamptz not null
      );
      create index renewals_expiry on relay.renewals (expires_at);
      grant select, insert, update, delete on relay.device_identities, relay.renewals to ${system};
      ${tellSql('device_identities', 'gatehouse_relay_devices', 'device_id')}

      -- Where each device is, or was last. The request role writes, too: it is an inline projection.
      create table relay.tunnels (
        tenant_id text not null,
        device_id uuid not null,
        tunnel_id uuid not null,
        relay_id text not null,
        relay_address text not null,
        carrier text not null,
        open boolean not null,
        reason text,
        since timestamptz not null,
        revision integer not null,
        primary key (tenant_id, device_id)
      );
      create index tunnels_relay on relay.tunnels (relay_id) where open;
      create index tunnels_device on relay.tunnels (device_id);
      ${tenantTableSql('relay', 'tunnels', 'select, insert, update')}
      ${tellSql('tunnels', 'gatehouse_relay_tunnels', 'device_id')}

      create table relay.sessions (
        tenant_id text not null,
        session_id uuid not null,
        device_id uuid not null,
        subject_type text not null,
        subject_id text not null,
        kind text not null,
        source text,
        relay_id text not null,
        started_at timestamptz not null,
        since timestamptz not null,
        primary key (tenant_id, session_id)
      );
      create index sessions_relay on relay.sessions (relay_id, since);
      ${tenantTableSql('relay', 'sessions')}

      -- Which relays run. Not a read model: a lease that each of them renews.
      create table relay.relays (
        relay_id text primary key,
        instance uuid not null,
        seen_at timestamptz not null
      );
      grant select, insert, update, delete on relay.relays to ${system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop schema relay cascade');
  }
}
