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

/** What many databases begin as: made once on a server that is shared. */
export interface Template {
  /** Same name, same content. */
  readonly name: string;
  /** Fills an empty database, given the superuser's URL for it, and leaves no connection to it. */
  readonly prepare: (url: string) => Promise<unknown>;
}

/** Databases on a server that is somebody else's matter. Every role may log in without a password. */
export interface TestDatabases {
  readonly port: number;
  /** URL of a database on this server, for the superuser or for `user`. */
  urlOf(database: string, user?: string): string;
  /** Makes a database, empty or like the template, and returns the superuser's URL for it, in which its name stands. */
  createDatabase(name: string, template?: Template): Promise<string>;
  /** Ends what this one began: its databases, or the whole server if it is its own. */
  stop(): Promise<void>;
}

export interface TestPostgres extends TestDatabases, Omit<PostgresServer, 'url' | 'port' | 'stop'> {
  /** The superuser's database: `postgres://postgres@127.0.0.1:PORT/postgres`. */
  readonly url: string;
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
    async createDatabase(name, template) {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
      } finally {
        await client.end();
      }
      await template?.prepare(urlOf(name));
      return urlOf(name);
    },
    async stop() {
      await server.stop();
      removeFiles();
    },
  };
}
