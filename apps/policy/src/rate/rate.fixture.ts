import { rolesSql } from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import { Foundation1700000000001 } from '../migrations/1-foundation.js';
import { RateBuckets1700000000107 } from '../migrations/7-rate-buckets.js';

export interface RateDatabase {
  readonly postgres: TestPostgres;
  /** Connections of the system role. */
  readonly system: pg.Pool;
  readonly admin: pg.Client;
  stop(): Promise<void>;
}

/** Policy's tables on a PostgreSQL of their own. */
export async function startRateDatabase(): Promise<RateDatabase> {
  const postgres = await startTestPostgres();
  const admin = new pg.Client({ connectionString: await postgres.createDatabase('gatehouse') });
  admin.on('error', () => undefined);
  await admin.connect();
  await admin.query(rolesSql('policy', { request: 'request-password-1', system: 'system-password-1' }));
  for (const migration of [new Foundation1700000000001(), new RateBuckets1700000000107()])
    await migration.up({ query: (text: string) => admin.query(text) } as never);
  const system = new pg.Pool({ connectionString: postgres.urlOf('gatehouse', 'gatehouse_policy_system'), max: 4 });
  system.on('error', () => undefined);
  return {
    postgres,
    system,
    admin,
    stop: async () => {
      await Promise.all([system.end(), admin.end().catch(() => undefined)]);
      await postgres.stop();
    },
  };
}
