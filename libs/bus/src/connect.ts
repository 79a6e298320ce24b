import { readFileSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { inboxPrefix } from './permissions.js';
import { ackWaitMs, durableConsumers, eventStream, maxAckPending } from './topology.js';

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

async function report(nc: NatsConnection, onStatus: BusOptions['onStatus']): Promise<void> {
  onStatus?.('connected', nc.getServer());
  for await (const status of nc.status()) {
    if (status.type === 'disconnect') onStatus?.('disconnected', '');
    if (status.type === 'reconnect') onStatus?.('connected', nc.getServer());
  }
}

/** A new NATS user: the seed is the secret, the public key goes into the server's configuration. */
export function createNatsUser(): { seed: string; publicKey: string } {
  const pair = createUser();
  return { seed: new TextDecoder().decode(pair.getSeed()), publicKey: pair.getPublicKey() };
}

const tries = 20;

/** Creates or updates the stream and every durable consumer of the table. Safe to repeat; run by setup. */
export async function ensureTopology(nc: NatsConnection, replicas = 1): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await createTopology(nc, replicas);
    } catch (error) {
      // A cluster that has just started has no JetStream leader yet.
      if (attempt === tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function createTopology(nc: NatsConnection, replicas: number): Promise<void> {
  const manager = await jetstreamManager(nc);
  const config = { ...eventStream, subjects: [...eventStream.subjects], num_replicas: replicas };
  const existing = await manager.streams.info(eventStream.name).catch(() => undefined);
  if (existing) await manager.streams.update(eventStream.name, { ...existing.config, ...config });
  else await manager.streams.add(config);
  for (const { durable, sources } of durableConsumers) {
    const filter_subjects = sources.map((source) => `ev.${source}.>`);
    const wanted = { filter_subjects, ack_wait: ackWaitMs * 1e6, max_ack_pending: maxAckPending, max_deliver: -1 };
    const present = await manager.consumers.info(eventStream.name, durable).catch(() => undefined);
    if (present) await manager.consumers.update(eventStream.name, durable, wanted);
    else await manager.consumers.add(eventStream.name, { durable_name: durable, ack_policy: 'explicit', ...wanted });
  }
}
