import pg from 'pg';
import { StoreUnavailable } from '../store.js';
import { isTransient } from './transient.js';

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
  // The pool listens to a connection while it is idle, who got it from the next microtask on. PostgreSQL may end it between the
  // two, and an error event that nobody hears ends the process. The next statement on it fails, so nothing is missed.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Runs `work` in one transaction on one connection. A connection whose transaction failed in an unknown way is
 * destroyed, never handed on: it could carry the tenant, half the work of its last user, or a statement that still runs.
 *
 * @example const rows = await inTransaction(pool, async (client) => (await client.query('select 1 as n')).rows);
 *
 * @throws StoreUnavailable when there is no connection; {@link CommitRefused}; whatever `work` throws
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw new StoreUnavailable('no connection to PostgreSQL', { cause: error });
  });
  let broken: Error | undefined;
  const onLost = (error: Error) => {
    broken = error;
  };
  client.on('error', onLost);
  try {
    await client.query('begin');
    const result = await work(client);
    await commit(client);
    return result;
  } catch (error) {
    if (isTransient(error)) broken ??= error as Error;
    else await client.query('rollback').catch(onLost);
    throw error;
  } finally {
    client.removeListener('error', onLost);
    client.release(broken);
  }
}

/** A statement of the transaction had failed and the failure was swallowed: PostgreSQL rolled everything back. */
export class CommitRefused extends Error {
  constructor() {
    super('the transaction had failed before its commit: nothing was stored');
    this.name = 'CommitRefused';
  }
}

/** PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error: only the tag tells. */
export async function commit(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const { command } = await client.query('commit'); // COMMIT POINT. If the answer is lost, the work may be stored: callers repeat by command id.
  if (command !== 'COMMIT') throw new CommitRefused();
}

/** Like {@link inTransaction}, for the request role: row-level security lets it see and write this tenant only. */
export const asTenant = <T>(pool: pg.Pool, tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query({ name: 'tenant', text: `select set_config('gatehouse.tenant', $1, true)`, values: [tenantId] });
    return work(client);
  });
