import { mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgres, type PostgresServer, startPostgres, unprivilegedAccount } from '@gatehouse/local-servers';
import pg from 'pg';
import { tempDir } from './temp-dir.js';

export interface TestPostgresOptions {
  /** true: fsync and synchronous_commit on, as in production. Default false, for speed. */
  durable?: boolean;
  /** Server settings, e.g. `{ max_connections: '20' }`. */
  settings?: Readonly<Record<string, string>>;
}

export interface TestPostgres extends Omit<PostgresServer, 'url'> {
  /** The superuser's database: `postgres://postgres@127.0.0.1:PORT/postgres`. Every role may log in without a password. */
  readonly url: string;
  /** URL of a database on this server, for the superuser or for `user`. */
  urlOf(database: string, user?: string): string;
  /** Makes an empty database and returns the superuser's URL for it. */
  createDatabase(name: string): Promise<string>;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

/**
 * A PostgreSQL on a free port with its data in a temporary folder; about 0.2 s, because a finished cluster is copied.
 * It ends with the test process, however that ends.
 *
 * @example
 * const postgres = await startTestPostgres();
 * const url = await postgres.createDatabase('events');
 * await postgres.stop();
 */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const account = unprivilegedAccount();
  const { version } = findPostgres(account);
  const templates = templateFolder();
  const dir = tempDir('postgres');
  try {
    const server = await startPostgres({
      dataDir: join(dir.path, 'data'),
      durable: options.durable ?? false,
      auth: 'trust',
      ...(templates === undefined ? {} : { templateDir: join(templates, `postgres-${version}`) }),
      settings: { max_connections: '200', ...options.settings },
    });
    return withDatabases(server, dir.remove);
  } catch (error) {
    dir.remove();
    throw error;
  }
}

/** Nobody else may have made it: a foreign template could hold a foreign superuser. */
function templateFolder(): string | undefined {
  const uid = process.getuid?.() ?? 0;
  const folder = join(tmpdir(), `gatehouse-templates-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = statSync(folder);
  return stat.uid === uid && (stat.mode & 0o022) === 0 ? folder : undefined;
}

function withDatabases(server: PostgresServer, removeFiles: () => void): TestPostgres {
  const urlOf = (database: string, user = server.superuser) =>
    `postgres://${user}@127.0.0.1:${server.port}/${database}`;
  return {
    get port() {
      return server.port;
    },
    get pid() {
      return server.pid;
    },
    get url() {
      return server.url;
    },
    dataDir: server.dataDir,
    logFile: server.logFile,
    superuser: server.superuser,
    exited: () => server.exited(),
    kill9: () => server.kill9(),
    restart: () => server.restart(),
    urlOf,
    async createDatabase(name) {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
      return urlOf(name);
    },
    async stop() {
      await server.stop();
      removeFiles();
    },
  };
}
