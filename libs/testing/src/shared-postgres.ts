import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startTestPostgres, type Template, type TestDatabases } from './test-postgres.js';

/** Where the server of a whole test run is told to the processes that run its specs; see `postgres-for-run.ts`. */
export const sharedPostgresVariable = 'GATEHOUSE_TEST_POSTGRES';

/**
 * Databases on the PostgreSQL of this test run, or on one of their own where the run has none: every database is new, and
 * what happens to the server happens to all, so whoever kills, restarts or reads the server takes `startTestPostgres`.
 * Its commits do not wait for the disk. Roles belong to the server: a spec must not count on one being absent.
 *
 * @example
 * const databases = await openTestDatabases();
 * const url = await databases.createDatabase('events');
 * await databases.stop(); // drops them
 */
export async function openTestDatabases(): Promise<TestDatabases> {
  const url = process.env[sharedPostgresVariable];
  return url === undefined ? startTestPostgres() : onServer(new URL(url));
}

function onServer(server: URL): TestDatabases {
  const made: string[] = [];
  const urlOf = (database: string, user = server.username) => `postgres://${user}@${server.host}/${database}`;
  return {
    port: Number(server.port),
    urlOf,
    async createDatabase(name, template) {
      const database = `${name}_${randomBytes(5).toString('hex')}`;
      await asSuperuser(server, async (client) => {
        const like = template ? await finished(client, template, urlOf) : 'template1';
        await client.query(`create database ${pg.escapeIdentifier(database)} template ${pg.escapeIdentifier(like)}`);
      });
      made.push(database);
      return urlOf(database);
    },
    stop: () =>
      asSuperuser(server, async (client) => {
        for (const name of made.splice(0))
          await client.query(`drop database ${pg.escapeIdentifier(name)} with (force)`);
      }),
  };
}

/** The template, made by whoever needs it first; the others wait. A failed one is made again under another name. */
async function finished(
  client: pg.Client,
  { name, prepare }: Template,
  urlOf: (name: string) => string,
): Promise<string> {
  const database = `template_${name}`;
  await client.query(`select pg_advisory_lock(hashtextextended($1, 0))`, [database]);
  try {
    const { rows } = await client.query('select datistemplate from pg_database where datname = $1', [database]);
    if (rows[0]?.datistemplate) return database;
    await client.query(`drop database if exists ${pg.escapeIdentifier(database)} with (force)`);
    await client.query(`create database ${pg.escapeIdentifier(database)}`);
    await prepare(urlOf(database));
    await client.query(`alter database ${pg.escapeIdentifier(database)} with is_template true`);
    return database;
  } finally {
    await client.query(`select pg_advisory_unlock(hashtextextended($1, 0))`, [database]);
  }
}

async function asSuperuser(server: URL, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
