import { readFileSync } from 'node:fs';
import { createUser } from '@nats-io/nkeys';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { inboxPrefix } from './permissions.js';

export interface BusOptions {
  readonly servers: string;
  /** The service's name, or `setup`. */
  readonly user: string;
  /** File with the nkey seed. Left out, the connection has no credentials (a server without authorization). */
  readonly seedFile?: string;
  readonly onStatus?: (status: 'connected' | 'disconnected', detail: string) => void;
}

export const minServerVersion = '2.10.0';

/** The server is older than what our stream options need: it would accept them and ignore them. */
export class NatsTooOld extends Error {
  constructor(found: string) {
    super(`nats-server ${found} is too old: Gatehouse needs ${minServerVersion} or newer. Upgrade it and start again.`);
    this.name = 'NatsTooOld';
  }
}

export function isVersionAtLeast(found: string, least: string): boolean {
  const parts = (version: string) => version.split(/[.-]/, 3).map(Number);
  const [a, b] = [parts(found), parts(least)];
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Connects and stays connected: reconnects for ever, waiting at most 2 s between tries. Throws {@link NatsTooOld}. */
export async function connectBus(options: BusOptions): Promise<NatsConnection> {
  const nc = await connect({
    servers: options.servers,
    name: `gatehouse-${options.user}`,
    inboxPrefix: inboxPrefix(options.user),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
    // A server that is restarted with a wrong configuration refuses us for a while; by default that would be for ever.
    ignoreAuthErrorAbort: true,
    // A stack trace for each request, in case it fails, is a twentieth of what a decision costs its asker.
    noAsyncTraces: true,
    ...(options.seedFile && { authenticator: nkeyAuthenticator(readSeed(options.seedFile)) }),
  });
  const version = nc.info?.version ?? '0';
  if (!isVersionAtLeast(version, minServerVersion)) {
    await nc.close();
    throw new NatsTooOld(version);
  }
  void report(nc, options.onStatus);
  return nc;
}

const readSeed = (file: string): Uint8Array => new TextEncoder().encode(readFileSync(file, 'utf8').trim());

/** Connections of {@link connectBus} that are cut off now. */
const down = new WeakSet<NatsConnection>();

/** True while the client tries to reconnect: what is published now is lost, or kept until nobody waits for it. */
export const isDown = (nc: NatsConnection): boolean => down.has(nc);

async function report(nc: NatsConnection, onStatus: BusOptions['onStatus']): Promise<void> {
  onStatus?.('connected', nc.getServer());
  for await (const status of nc.status()) {
    if (status.type === 'disconnect') {
      down.add(nc);
      onStatus?.('disconnected', '');
    } else if (status.type === 'reconnect') {
      down.delete(nc);
      onStatus?.('connected', nc.getServer());
    }
  }
}

/** A new NATS user: the seed is the secret, the public key goes into the server's configuration. */
export function createNatsUser(): { seed: string; publicKey: string } {
  const pair = createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}
