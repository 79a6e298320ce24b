import { type Connection } from '@gatehouse/config';
import { rolesSql } from '@gatehouse/event-store';
import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';

export type MigrationClass = new () => MigrationInterface;

export interface MigrateOptions {
  readonly service: string;
  /** A login that may create roles and schemas. */
  readonly admin: Connection;
  readonly passwords: { readonly request: string; readonly system: string };
  readonly migrations: readonly MigrationClass[];
}

/**
 * Brings a service's roles and schema to the newest version and answers the names of what it ran. Safe to repeat and
 * to run twice at once: an advisory lock lets one go first.
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: options.admin.url, application_name: `${options.service}-migrate` });
  // An error event that nobody hears ends the process; the statement under way fails by itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('gatehouse:migrate', 0))`);
    await client.query(rolesSql(options.service, options.passwords));
    return await runMigrations(options);
  } finally {
    await client.end();
  }
}

async function runMigrations({ service, admin, migrations }: MigrateOptions): Promise<readonly string[]> {
  const source = new DataSource({
    type: 'postgres',
    url: admin.url,
    schema: service,
    migrations: [...migrations],
    migrationsTableName: 'migrations',
    logging: false,
  });
  await source.initialize();
  try {
    return (await source.runMigrations({ transaction: 'each' })).map((migration) => migration.name);
  } finally {
    await source.destroy();
  }
}
