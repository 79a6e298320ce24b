import {
  type CommandContext,
  eventTablesSql,
  type NewEvent,
  openPool,
  PostgresEventStore,
  roleNames,
  rolesSql,
  tenantTableSql,
} from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import { type Projection } from './projection.js';
import { projectionTablesSql } from './schema.js';

export const service = 'shop';
const roles = roleNames(service);

/** Two tables that a projection of carts may keep. */
const readModels = `
  create table ${service}.carts (
    tenant_id text not null, id text not null, items integer not null, last_item text, primary key (tenant_id, id));
  create table ${service}.item_counts (tenant_id text not null, name text not null, n integer not null,
    primary key (tenant_id, name));
  ${tenantTableSql(service, 'carts', 'select, insert, update')}
  ${tenantTableSql(service, 'item_counts', 'select, insert, update')}`;

export interface ProjectionDatabase {
  readonly server: TestPostgres;
  readonly requestUrl: string;
  readonly systemUrl: string;
  readonly store: PostgresEventStore;
  readonly request: pg.Pool;
  readonly system: pg.Pool;
  /** The superuser, for what no service may do. */
  admin(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  /** Empties the log and everything made of it. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function startProjectionDatabase(): Promise<ProjectionDatabase> {
  const server = await startTestPostgres();
  const adminUrl = await server.createDatabase('gatehouse');
  const [requestUrl, systemUrl] = [server.urlOf('gatehouse', roles.request), server.urlOf('gatehouse', roles.system)];
  const open = (url: string, max: number) => openPool({ url, max, applicationName: 'spec' });
  const [admins, request, system] = [open(adminUrl, 2), open(requestUrl, 8), open(systemUrl, 8)];
  const admin = (text: string, values?: unknown[]) => admins.query(text, values);
  await admin(rolesSql(service, { request: 'a', system: 'b' }));
  await admin(eventTablesSql(service) + projectionTablesSql(service) + readModels);
  return {
    server,
    requestUrl,
    systemUrl,
    store: new PostgresEventStore({ service, pool: request }),
    request,
    system,
    admin,
    async clear() {
      await admin(`truncate shop.events, shop.carts, shop.item_counts, shop.projection_positions, shop.inbox_positions,
        shop.parked_events; update shop.outbox set tx = '0', seq = 0, rewinds = 0`);
    },
    async close() {
      await Promise.all([admins, request, system].map((pool) => pool.end()));
      await server.stop();
    },
  };
}

export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export const contextOf = (tenantId = 'acme'): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: 'u1' },
  now: Date.UTC(2026, 10, 22),
  correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
});

export const itemAdded = (name: string): NewEvent => ({ type: 'cart.item.added', version: 1, data: { name } });

/** Counts the items of each cart and of each name. `poison` cannot be applied; `secret` neither, and must not be told. */
export const carts: Projection = {
  name: 'carts',
  version: 1,
  tables: ['carts', 'item_counts'],
  types: ['cart.item.added'],
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, streamId, data } = envelope;
      const name = String(data.name);
      await query.query(
        `insert into carts as c (tenant_id, id, items, last_item) values ($1, $2, 1, $3)
         on conflict (tenant_id, id) do update set items = c.items + 1, last_item = excluded.last_item`,
        [tenantId, streamId, name],
      );
      if (name.startsWith('poison')) throw new TypeError(`cannot read ${name}`);
      if (name.startsWith('secret')) await query.query('select $1::int', [name]);
      await query.query(
        `insert into item_counts as c values ($1, $2, 1) on conflict (tenant_id, name) do update set n = c.n + 1`,
        [tenantId, name],
      );
    }
  },
};
