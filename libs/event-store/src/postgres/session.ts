import { Socket } from 'node:net';
import pg from 'pg';
import { StoreUnavailable } from '../store.js';

export interface SessionOptions {
  readonly url: string;
  readonly password?: string;
  readonly applicationName: string;
  /** Longest wait for one answer; 0 for none. */
  readonly queryTimeoutMs: number;
}

/** A connection of its own, for what lives in a session: a lock, a LISTEN. */
export interface Session {
  readonly client: pg.Client;
  /** Fires when the connection is gone, whoever ended it. */
  readonly lost: AbortSignal;
  /** Says good-bye, or cuts the socket when a statement runs or the server does not answer. Never hangs or throws. */
  close(): Promise<void>;
}

const goodbyeMs = 1_000;

/** @throws StoreUnavailable when `stop` fires first; node-pg's error when there is no connection */
export async function openSession(options: SessionOptions, stop: AbortSignal): Promise<Session> {
  // Our own socket, because a node-pg client that is ended while it connects never settles its `connect`, and one that
  // is ended while the server hangs waits for it for ever.
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: options.url,
    ...(options.password !== undefined && { password: options.password }),
    application_name: options.applicationName.slice(0, 60),
    connectionTimeoutMillis: 3_000,
    query_timeout: options.queryTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    stream: () => socket,
  });
  const lost = new AbortController();
  const lose = () => lost.abort();
  client.on('error', lose).on('end', lose);
  socket.once('close', lose);
  const session: Session = { client, lost: lost.signal, close: () => close(client, socket) };
  try {
    await before(stop, client.connect());
    return session;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function before<T>(stop: AbortSignal, work: Promise<T>): Promise<T> {
  let onAbort = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new StoreUnavailable('stopped'));
    if (stop.aborted) onAbort();
    stop.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener('abort', onAbort);
  }
}

function close(client: pg.Client, socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const cut = setTimeout(() => socket.destroy(), goodbyeMs);
    socket.once('close', () => {
      clearTimeout(cut);
      resolve();
    });
    client.end().catch(() => socket.destroy());
  });
}
