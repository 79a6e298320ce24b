import { sharedPostgresVariable } from './shared-postgres.js';
import { startTestPostgres, type TestPostgres } from './test-postgres.js';

let server: TestPostgres | undefined;

/** Jest's `globalSetup` of a project whose specs share one PostgreSQL: `preset(dir, { postgres: true })`. */
export async function start(): Promise<void> {
  server = await startTestPostgres();
  process.env[sharedPostgresVariable] = server.url;
}

export async function stop(): Promise<void> {
  await server?.stop();
}
