import { roleNames } from '@gatehouse/event-store';

/** Positions of the service's projections and consumers, and the events that none of them could apply. */
export function projectionTablesSql(service: string): string {
  const { system } = roleNames(service);
  return `
    create table ${service}.projection_positions (
      name text primary key,
      version integer not null,
      tx xid8 not null default '0',
      seq bigint not null default 0,
      rebuild_requested boolean not null default false,
      rebuild jsonb
    );
    create table ${service}.inbox_positions (
      consumer text not null,
      source text not null,
      tx xid8 not null default '0',
      seq bigint not null default 0,
      primary key (consumer, source)
    );
    create table ${service}.parked_events (
      projection text not null,
      event_id uuid not null,
      source text not null,
      tenant_id text not null,
      stream_id text not null,
      type text not null,
      tx xid8 not null,
      seq bigint not null,
      reason text not null,
      parked_at timestamptz not null default now(),
      envelope text not null,
      primary key (projection, event_id)
    );
    grant select, insert, update, delete on ${service}.projection_positions, ${service}.inbox_positions,
      ${service}.parked_events to ${system};`;
}
