import { type JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { ackWaitMs, durableConsumers, eventStream, maxAckPending } from './topology.js';

const tries = 20;

/** Creates or updates the stream and every durable consumer of the table. Safe to repeat; run by setup. */
export async function ensureTopology(nc: NatsConnection, replicas = 1): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const manager = await jetstreamManager(nc);
      await ensureStream(manager, replicas);
      for (const consumer of durableConsumers) await ensureConsumer(manager, consumer);
      return;
    } catch (error) {
      // A cluster that has just started has no JetStream leader yet.
      if (attempt === tries || nc.isClosed()) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

const leastBytes = 256 * 1024 ** 2;

/** JetStream's own codes (nats-server, server/errors.json). */
const codes = { consumerNotFound: 10_014, noRoom: 10_047, streamNotFound: 10_059 } as const;
const codeOf = (error: unknown): number => (error as JetStreamApiError).code;

async function ensureStream(manager: JetStreamManager, replicas: number): Promise<void> {
  const existing = await ifFound(manager.streams.info(eventStream.name), codes.streamNotFound);
  const config = { ...eventStream, subjects: [...eventStream.subjects], num_replicas: replicas };
  // JetStream reserves the whole size at once, and a small disk has less. What is there will do: see eventStream.
  for (let max_bytes: number = eventStream.max_bytes; ; max_bytes /= 2) {
    try {
      if (existing) await manager.streams.update(eventStream.name, { ...existing.config, ...config, max_bytes });
      else await manager.streams.add({ ...config, max_bytes });
      return;
    } catch (error) {
      if (codeOf(error) !== codes.noRoom || max_bytes <= leastBytes) throw error;
    }
  }
}

async function ensureConsumer(manager: JetStreamManager, consumer: (typeof durableConsumers)[number]): Promise<void> {
  const { durable, sources } = consumer;
  const filter_subjects = sources.map((source) => `ev.${source}.>`);
  const wanted = { filter_subjects, ack_wait: ackWaitMs * 1e6, max_ack_pending: maxAckPending, max_deliver: -1 };
  const present = await ifFound(manager.consumers.info(eventStream.name, durable), codes.consumerNotFound);
  if (present) await manager.consumers.update(eventStream.name, durable, wanted);
  else await manager.consumers.add(eventStream.name, { durable_name: durable, ack_policy: 'explicit', ...wanted });
}

/** Undefined only when it is not there: a question without an answer must not make a second one of it. */
async function ifFound<T>(asked: Promise<T>, missing: number): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) === missing) return undefined;
    throw error;
  }
}
