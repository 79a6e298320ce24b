import { types } from 'node:util';
import pg from 'pg';
import { StoreUnavailable } from '../store.js';

/**
 * SQLSTATEs that speak of the server or of the moment, not of the statement (PostgreSQL manual, appendix A): whole
 * classes, or single codes of mixed classes. 25006: a standby after a fail-over. 28, 3D000: no log-in, as while a
 * database is being restored. XX: a damaged table or index. The severity is no help: it comes in the server's language.
 */
const transientStates: readonly string[] = [
  ...['08', '25006', '25P03', '25P04', '28', '3D000'],
  ...['40', '53', '55006', '55P03', '57', '58', 'XX'],
];

/** What node-pg 8 and pg-pool 3 say when there is no usable connection: plain `Error`s without a code. */
const connectionMessages: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Query read timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
]);
/** The answer to a statement given up earlier came on the same connection. */
const outOfStep = /^Received unexpected \w+ message from backend\.$/;

/** libuv's names for a network that does not carry, and Node's for a socket that is gone. */
const networkCodes =
  /^(E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|(HOST|NET)(UNREACH|DOWN)|NOTFOUND|AI_AGAIN)|ERR_STREAM_[A-Z_]+|ERR_SOCKET_[A-Z_]+)$/;

/** The five characters of PostgreSQL's error, if it is one. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError ? error.code : undefined;

/** True when a unique index refused a row. */
export const violates = (error: unknown, index: string): boolean =>
  sqlState(error) === '23505' && (error as pg.DatabaseError).constraint === index;

/**
 * True when trying again may help: no answer, a restart, a deadlock, too many connections. Everything else is a
 * fault of the statement or of the code, and will fail again. Errors of the caller's own code are never transient,
 * whatever words they use.
 *
 * @example isTransient(new Error('account is closed')) // false
 */
export function isTransient(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  if (error instanceof pg.DatabaseError) {
    const state = error.code ?? '';
    return transientStates.some((known) => state.startsWith(known));
  }
  // Not `instanceof`: an error of Node's own may come from another realm (a worker's, a test runner's).
  if (!types.isNativeError(error)) return false;
  // `localhost` has two addresses: Node reports both refusals in one AggregateError, whose own message is empty.
  const { errors } = error as { errors?: unknown };
  if (Array.isArray(errors)) return errors.length > 0 && errors.every(isTransient);
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return networkCodes.test(code);
  return connectionMessages.has(error.message) || outOfStep.test(error.message);
}
