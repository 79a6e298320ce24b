import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '@gatehouse/local-servers';
import { tempDir } from '@gatehouse/testing';
import pg from 'pg';

/** A database of somebody: a server of its own that asks for passwords, and an account there that may make roles. */
export interface TargetServer {
  readonly server: PostgresServer;
  /** Of the account `manager`, which is no superuser. */
  readonly password: string;
  /** Sees everything there. */
  readonly root: pg.Pool;
  /** Body of a configuration; `port` of a proxy in front of it, else its own. */
  config(port?: number): Record<string, unknown>;
  /** Whether a name and password open it. */
  opens(username: string, password: string): Promise<boolean>;
  /** Names of the roles that leases have there, in order. */
  leased(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export const creation = [
  `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'`,
  'GRANT USAGE, CREATE ON SCHEMA public TO "{{name}}"',
];

/** @param password of the account `manager`: two servers with the same look alike to whoever logs in */
export async function startTarget(password = randomBytes(12).toString('hex')): Promise<TargetServer> {
  const files = tempDir('target');
  const rootPassword = randomBytes(12).toString('hex');
  const server = await startPostgres({
    dataDir: join(files.path, 'data'),
    durable: false,
    password: rootPassword,
    settings: { log_statement: 'all', max_connections: '100' },
  });
  const login = (user: string, secret: string) => ({
    host: '127.0.0.1',
    port: server.port,
    database: 'postgres',
    user,
    password: secret,
  });
  const root = new pg.Pool({ ...login('postgres', rootPassword), max: 3 });
  root.on('error', () => undefined);
  await root.query(`create role manager login createrole password '${password}'`);
  await root.query('grant all on schema public to manager with grant option');
  return {
    server,
    password,
    root,
    config: (port = server.port) => ({
      connection_url: `postgresql://{{username}}:{{password}}@127.0.0.1:${port}/postgres?sslmode=disable`,
      username: 'manager',
      password,
      allowed_roles: '*',
    }),
    async opens(username, secret) {
      const client = new pg.Client(login(username, secret));
      try {
        await client.connect();
        return true;
      } catch {
        return false;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    async leased() {
      const { rows } = await root.query(`select rolname from pg_roles where rolname like 'gh\\_%' order by rolname`);
      return rows.map(({ rolname }) => rolname);
    },
    async stop() {
      await root.end();
      await server.stop();
      files.remove();
    },
  };
}
