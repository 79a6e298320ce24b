import { roleNames, tenantTableSql } from '@gatehouse/event-store';
import type { MigrationInterface, QueryRunner } from 'typeorm';

const rights = 'select, insert, update, delete';
const { system } = roleNames('registry');

/** Devices and their registrations, and what is known of registrations beside the log. */
export class Devices1700000003002 implements MigrationInterface {
  name = 'Devices1700000003002';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      create table registry.devices (
        tenant_id text not null,
        device_id uuid not null,
        status text not null check (status in ('pending', 'rejected', 'approved', 'removed')),
        revision integer not null,
        -- The last registration: of an approved device that asked again, a later one than that of its approval.
        request_id uuid not null unique,
        request_state text not null check (request_state in ('pending', 'rejected', 'approved')),
        requested_at timestamptz not null,
        rejection text,
        fingerprint text not null,
        identity_key text not null,
        session_key text not null,
        keys_since timestamptz not null,
        hostname text not null,
        platform text not null,
        architecture text not null,
        version text not null,
        name text,
        owner_type text,
        owner_id text,
        labels jsonb not null default '{}',
        groups text[] not null default '{}',
        record boolean not null default false,
        approve_on_device boolean not null default false,
        approved_at timestamptz,
        removed_at timestamptz,
        removal text,
        primary key (tenant_id, device_id)
      );
      create unique index devices_fingerprint on registry.devices (tenant_id, fingerprint) where status <> 'removed';
      create unique index devices_name on registry.devices (tenant_id, lower(name)) where status = 'approved';
      create index devices_requests on registry.devices (tenant_id, requested_at) where request_state = 'pending';
      create index devices_requested on registry.devices (requested_at) where status = 'pending';
      create index devices_hostname on registry.devices (tenant_id, lower(hostname)) where status = 'approved';
      create index devices_owner on registry.devices (owner_type, owner_id);
      ${tenantTableSql('registry', 'devices', rights)}

      -- Where a registration came from: shown to who decides it, and gone with the decision. No event holds it.
      create table registry.registration_places (
        tenant_id text not null,
        request_id uuid primary key,
        addresses text[] not null,
        noted_at timestamptz not null default now()
      );
      create index registration_places_noted on registry.registration_places (noted_at);
      ${tenantTableSql('registry', 'registration_places', rights)}

      -- Registrations for owners that do not exist: they answer like others, and nobody sees them.
      create table registry.unowned_registrations (
        request_id uuid primary key,
        device_id uuid not null,
        owner_code text not null,
        identity_key text not null,
        requested_at timestamptz not null default now(),
        constraint unowned_registrations_keys unique (owner_code, identity_key)
      );
      create index unowned_registrations_requested on registry.unowned_registrations (requested_at);
      -- Keyed hashes of addresses and owners, counted by the hour.
      create table registry.registration_counts (
        counted text not null,
        hour timestamptz not null,
        count integer not null,
        primary key (counted, hour)
      );
      grant select, insert, update, delete on registry.unowned_registrations, registry.registration_counts to ${system};`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query(
      'drop table registry.registration_counts, registry.unowned_registrations, registry.registration_places, registry.devices;',
    );
  }
}
