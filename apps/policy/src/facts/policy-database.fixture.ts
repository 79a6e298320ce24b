import { Connection } from '@gatehouse/config';
import { type CommandContext, openPool, PostgresEventStore, roleNames } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import { migrate } from '@gatehouse/service';
import { openTestDatabases, startTestPostgres, type TestDatabases, type TestPostgres } from '@gatehouse/testing';
import type pg from 'pg';
import { policyService } from '../app.module.js';
import { entityArea } from '../entity/entity.area.js';
import { grantArea } from '../grant/grant.area.js';

const roles = roleNames('policy');

/** Policy's schema as its migrations make it, and a way to everything in it, closed together. */
export interface PolicyDatabase {
  readonly adminUrl: string;
  readonly systemUrl: string;
  readonly request: pg.Pool;
  readonly system: pg.Pool;
  /** Writes the read models of facts with their events. */
  readonly store: PostgresEventStore;
  /** The superuser, for what no service may do. */
  admin(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  close(): Promise<void>;
}

/** One whose server may be killed and restarted, and keeps what it has committed. */
export interface PolicyDatabaseWithServer extends PolicyDatabase {
  readonly server: TestPostgres;
}

type Migrations = typeof policyService.migrations;

/** @param migrations another schema than today's */
export const startPolicyDatabase = async (migrations?: Migrations): Promise<PolicyDatabase> =>
  databaseOn(await openTestDatabases(), migrations);

export async function startPolicyDatabaseWithServer(): Promise<PolicyDatabaseWithServer> {
  const server = await startTestPostgres({ durable: true });
  return { ...(await databaseOn(server)), server };
}

const passwords = { request: 'request-password-1', system: 'system-password-1' };
const migrateTo = (migrations: Migrations) => (url: string) =>
  migrate({ service: 'policy', admin: new Connection(url, 'admin'), passwords, migrations });

async function databaseOn(server: TestDatabases, migrations?: Migrations): Promise<PolicyDatabase> {
  const today = { name: 'policy', prepare: migrateTo(policyService.migrations) };
  const adminUrl = await server.createDatabase('gatehouse', migrations ? undefined : today);
  if (migrations) await migrateTo(migrations)(adminUrl);
  const database = new URL(adminUrl).pathname.slice(1);
  const systemUrl = server.urlOf(database, roles.system);
  const open = (url: string, max: number) => openPool({ url, max, applicationName: 'spec' });
  const [admins, request, system] = [
    open(adminUrl, 4),
    open(server.urlOf(database, roles.request), 8),
    open(systemUrl, 8),
  ];
  const inline = [...(grantArea.inline ?? []), ...(entityArea.inline ?? [])];
  return {
    adminUrl,
    systemUrl,
    request,
    system,
    store: new PostgresEventStore({
      service: 'policy',
      pool: request,
      inline: inline.map((projection) => asInline(projection, 'policy')),
    }),
    admin: (text, values) => admins.query(text, values),
    async close() {
      await Promise.all([admins, request, system].map((pool) => pool.end()));
      await server.stop();
    },
  };
}

export const contextOf = (tenantId: string, now = Date.UTC(2026, 10, 22)): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: 'u1' },
  now,
  correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
});
