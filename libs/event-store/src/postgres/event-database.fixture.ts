import { startTestPostgres, type TestPostgres, type TestPostgresOptions } from '@gatehouse/testing';
import pg from 'pg';
import type { CommandContext, NewEvent } from '../store.js';
import { openPool } from './database.js';
import { eventTablesSql, roleNames, rolesSql } from './schema.js';

export const service = 'shop';
const roles = roleNames(service);

/** A PostgreSQL with the log of the service `shop`, and a way to everything in it, closed together. */
export interface EventDatabase {
  readonly server: TestPostgres;
  readonly requestUrl: string;
  readonly systemUrl: string;
  readonly adminUrl: string;
  /** The superuser, for what no service may do. */
  admin(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  /** A pool that is ended with the database. */
  pool(url: string, max?: number, queryTimeoutMs?: number): pg.Pool;
  close(): Promise<void>;
}

export async function startEventDatabase(options: TestPostgresOptions = {}, extraSql = ''): Promise<EventDatabase> {
  const server = await startTestPostgres(options);
  const adminUrl = await server.createDatabase('gatehouse');
  const pools: pg.Pool[] = [];
  const pool = (url: string, max = 4, queryTimeoutMs = 10_000) => {
    const opened = openPool({ url, max, applicationName: 'spec', queryTimeoutMs });
    pools.push(opened);
    return opened;
  };
  const admins = pool(adminUrl, 2);
  const admin = (text: string, values?: unknown[]) => admins.query(text, values);
  await admin(rolesSql(service, { request: "it's", system: 'secret' }));
  await admin(eventTablesSql(service) + extraSql);
  return {
    server,
    requestUrl: server.urlOf('gatehouse', roles.request),
    systemUrl: server.urlOf('gatehouse', roles.system),
    adminUrl,
    admin,
    pool,
    async close() {
      await Promise.all(pools.map((opened) => opened.end()));
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

export const contextOf = (tenantId = 'acme', now = Date.UTC(2026, 10, 22)): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: 'u1' },
  now,
  correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
});

export const itemAdded = (name = 'tea'): NewEvent => ({ type: 'cart.item.added', version: 1, data: { name } });
