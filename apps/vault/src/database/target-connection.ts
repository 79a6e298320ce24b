import { lookup } from 'node:dns/promises';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import pg from 'pg';
import { mayConnect, sslModes, type TargetAddress, type TargetReach } from './connection-url.js';
import { inTarget, TargetError, toTargetError } from './target-error.js';

/** Everything needed to log in. Never logged, never an event. */
export interface TargetLogin extends TargetAddress {
  readonly username: string;
  readonly password: string;
  readonly tlsCa?: string | undefined;
  readonly tlsCertificate?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsServerName?: string | undefined;
  /** The server that it must be; undefined while that is being found out. */
  readonly targetId?: string | undefined;
}

export interface TargetLimits {
  readonly connectMs: number;
  readonly statementMs: number;
}

export const targetLimits: TargetLimits = { connectMs: 5_000, statementMs: 10_000 };

/** What a target says of itself. */
export interface TargetIdentity {
  /** PostgreSQL's system identifier: the same after a restart, a fail-over and a restore of this cluster, and no other's. */
  readonly targetId: string;
  readonly isStandby: boolean;
  /** Its clock, Unix milliseconds. */
  readonly now: number;
}

/**
 * Connects to one of the addresses of the target's name: to exactly the one that was checked, whatever the name says by then.
 *
 * @throws TargetError `address_refused`, `sslmode_refused`, `unreachable`, `login_refused`, `busy`, `other_server`, `standby`
 */
export async function withTarget<T>(
  login: TargetLogin,
  reach: TargetReach,
  work: (client: pg.Client, identity: TargetIdentity) => Promise<T>,
): Promise<T> {
  if (sslModes.indexOf(login.sslmode) < sslModes.indexOf(reach.weakestSslmode))
    throw new TargetError('sslmode_refused');
  const client = await connect(login, await addressOf(login.host, reach));
  try {
    const identity = await inTarget(() => identify(client));
    if (login.targetId !== undefined && identity.targetId !== login.targetId) throw new TargetError('other_server');
    // A standby says what was, not what is.
    if (identity.isStandby) throw new TargetError('standby');
    return await work(client, identity);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function addressOf(host: string, reach: TargetReach): Promise<string> {
  const found = await lookup(host, { all: true }).catch(() => {
    throw new TargetError('unreachable');
  });
  // One that is refused refuses the name: which one is used is not for the name's owner to choose.
  if (found.length === 0 || !found.every(({ address }) => mayConnect(address, reach)))
    throw new TargetError('address_refused');
  return found[0]?.address ?? '';
}

async function connect(login: TargetLogin, address: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: address,
    port: login.port,
    database: login.database,
    user: login.username,
    password: login.password,
    ssl: tlsOf(login),
    application_name: 'gatehouse-vault',
    connectionTimeoutMillis: targetLimits.connectMs,
    query_timeout: targetLimits.statementMs + 2_000,
    statement_timeout: targetLimits.statementMs,
    lock_timeout: targetLimits.statementMs / 2,
    idle_in_transaction_session_timeout: targetLimits.statementMs,
    keepAlive: true,
  });
  // An error event that nobody hears ends the process; the statement under way fails by itself.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw toTargetError(error);
  }
}

function tlsOf({
  sslmode,
  host,
  tlsCa,
  tlsCertificate,
  tlsKey,
  tlsServerName,
}: TargetLogin): ConnectionOptions | false {
  if (sslmode === 'disable') return false;
  const name = tlsServerName ?? host;
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: sslmode !== 'require',
    // Against the name that was configured, not the address it led to.
    checkServerIdentity: (_host, certificate) =>
      sslmode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined,
    ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
    ...(tlsCa !== undefined && { ca: tlsCa }),
    ...(tlsCertificate !== undefined && { cert: tlsCertificate }),
    ...(tlsKey !== undefined && { key: tlsKey }),
  };
}

async function identify(client: pg.Client): Promise<TargetIdentity> {
  const { rows } = await client.query<{ id: string; standby: boolean; now: string }>(
    `select system_identifier::text as id, pg_is_in_recovery() as standby,
       (extract(epoch from clock_timestamp()) * 1000)::bigint::text as now from pg_control_system()`,
  );
  const [row] = rows;
  if (!row) throw new TargetError('unreachable');
  return { targetId: row.id, isStandby: row.standby, now: Number(row.now) };
}
