import pg from 'pg';
import { StoreUnavailable } from '../store.js';

/** Anything that runs a statement: a pool, or a connection inside a transaction. */
export type Query = Pick<pg.ClientBase, 'query'> | pg.Pool;

export interface DatabaseOptions {
  readonly url: string;
  readonly password?: string;
  readonly max: number;
  readonly applicationName: string;
  /** Longest wait for one answer; after it the connection is dropped, because its state is unknown. */
  readonly queryTimeoutMs?: number;
  readonly onError?: (error: Error) => void;
}

/** A bounded pool that survives the loss of PostgreSQL: idle connections that die are reported, not thrown. */
export function openPool(options: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    ...(options.password !== undefined && { password: options.password }),
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: 3_000,
    query_timeout: options.queryTimeoutMs ?? 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/** SQLSTATE classes that speak of the server or of the moment, not of the statement. */
const transientClasses = new Set(['08', '40', '53', '55', '57', '58']);

/** The five characters of PostgreSQL's error, if it is one. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/** True when trying again may help: no answer, a restart, a deadlock, too many connections. */
export function isTransient(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  const state = sqlState(error);
  if (state) return transientClasses.has(state.slice(0, 2));
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return true;
  return typeof message === 'string' && /timeout|terminated|not queryable|Connection|closed/.test(message);
}

/**
 * Runs `work` in one transaction on one connection. A connection whose transaction failed in an unknown way is
 * destroyed, never handed on: it could carry the tenant or half the work of its last user.
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw new StoreUnavailable('no connection to PostgreSQL', { cause: error });
  });
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit'); // COMMIT POINT. If the answer is lost, the work may be stored: callers repeat by command id.
    return result;
  } catch (error) {
    if (isTransient(error)) broken = error as Error;
    else await client.query('rollback').catch((e: Error) => (broken = e));
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Like {@link inTransaction}, for the request role: row-level security lets it see and write this tenant only. */
export const asTenant = <T>(pool: pg.Pool, tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query({ name: 'tenant', text: `select set_config('gatehouse.tenant', $1, true)`, values: [tenantId] });
    return work(client);
  });
