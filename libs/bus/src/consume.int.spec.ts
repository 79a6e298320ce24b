import { formatPosition } from '@gatehouse/contracts';
import { currentTrace, newTraceContext, runWithTrace } from '@gatehouse/telemetry';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { batchOf, openBus, type TestBus } from './bus.fixture.js';
import { isDown } from './connect.js';
import { type ConsumeOptions, Consumption, maxBytesAtOnce } from './consume.js';
import { ensureTopology } from './ensure-topology.js';
import { type EventBatch, encodeBatch, type ReceivedBatch } from './event-batch.js';
import { createPublisher, prevHeader, sourceHeader } from './publish.js';
import { ackWaitMs, eventStream, maxAckPending } from './topology.js';

let bus: TestBus;
let nc: NatsConnection;
let manager: JetStreamManager;
let publish: (batch: EventBatch) => Promise<void>;
beforeAll(async () => {
  bus = await openBus();
  nc = await bus.connect('setup');
  manager = await jetstreamManager(nc);
  publish = createPublisher(nc);
});
afterAll(() => bus.close());
beforeEach(async () => {
  await manager.streams.delete(eventStream.name).catch(() => undefined);
  await ensureTopology(nc);
});

const running: Consumption[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((consumption) => consumption.stop()));
});
function consume(handle: ConsumeOptions['handle'], options: Partial<ConsumeOptions> = {}, on = nc): Consumption {
  const consumption = new Consumption(on, { durable: 'audit_ledger', handle, retryMs: 30, ...options }).start();
  running.push(consumption);
  return consumption;
}

const keysOf = (batches: readonly ReceivedBatch[]) =>
  batches.flatMap((batch) => batch.events.map((event) => formatPosition(event.position)));
const sentKeys = (batches: readonly EventBatch[]) =>
  batches.flatMap((batch) => batch.events.map((event) => formatPosition(event.position)));
const consumerInfo = () => manager.consumers.info(eventStream.name, 'audit_ledger');
const allAcknowledged = async () => {
  const { num_pending, num_ack_pending } = await consumerInfo();
  return num_pending === 0 && num_ack_pending === 0;
};

/** Collects what is handed over and says that all of it is done. */
function collector(): { received: ReceivedBatch[]; handle: ConsumeOptions['handle'] } {
  const received: ReceivedBatch[] = [];
  return {
    received,
    handle: async (batches) => {
      received.push(...batches);
      return batches.map(() => true);
    },
  };
}

describe('a batch', () => {
  it('arrives as it was published, and is acknowledged', async () => {
    const { received, handle } = collector();
    consume(handle);
    const sent = { ...batchOf('identity', 3, { tx: 3n, seq: 4n }), rewinds: 2 };
    await publish(sent);
    await waitFor(() => received.length === 1, { message: 'the batch' });
    expect(received[0]).toEqual({
      source: 'identity',
      prev: { tx: 3n, seq: 4n },
      rewinds: 2,
      events: sent.events.map(({ position, text }) => ({ position, text })),
    });
    await waitFor(allAcknowledged, { message: 'the acknowledgement' });
  });

  it('is stored once when it is published twice, and again after a rewind', async () => {
    const sent = batchOf('identity');
    for (const again of [sent, sent, { ...sent, rewinds: 1 }, { ...sent, rewinds: 1 }]) await publish(again);
    expect((await manager.streams.info(eventStream.name)).state.messages).toBe(2);
  });

  it('goes on in the trace in which it was published', async () => {
    const traces: (string | undefined)[] = [];
    consume(async (batches) => {
      traces.push(currentTrace()?.traceId);
      return batches.map(() => true);
    });
    const trace = newTraceContext();
    await runWithTrace(trace, () => publish(batchOf('identity')));
    await waitFor(() => traces.length === 1, { message: 'the batch' });
    expect(traces).toEqual([trace.traceId]);
  });

  it('is refused by the publisher when no stream takes it', async () => {
    await manager.streams.delete(eventStream.name);
    await expect(publish(batchOf('identity'))).rejects.toThrow();
    await manager.streams.add({ name: 'OTHER', subjects: ['ev.>'] });
    await expect(publish(batchOf('identity'))).rejects.toThrow('stored in OTHER');
    await manager.streams.delete('OTHER');
  });
});

describe('a stop', () => {
  it('ends, however early it comes', async () => {
    for (let turns = 0; turns < 60; turns++) {
      const consumption = new Consumption(nc, {
        durable: 'audit_ledger',
        handle: async (batches) => batches.map(() => true),
      });
      consumption.start();
      // From before the consumer was looked up until after the first pull.
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await consumption.stop();
    }
  });
});

describe('handle', () => {
  it('gets all that waits at once, in the order of the stream', async () => {
    const calls: number[] = [];
    const { received, handle } = collector();
    const sent = Array.from({ length: 20 }, () => batchOf('policy', 2));
    for (const batch of sent) await publish(batch);
    consume(async (batches) => {
      calls.push(batches.length);
      return handle(batches);
    });
    await waitFor(() => received.length === 20, { message: 'all batches' });
    expect(keysOf(received)).toEqual(sentKeys(sent));
    expect(calls.length).toBeLessThan(20);
  });

  it('gets no more text at once than its bound', async () => {
    const sizes: number[] = [];
    const text = `{"x":"${'y'.repeat(600_000)}"}`;
    const send = async () => {
      const batch = batchOf('policy');
      await publish({ ...batch, events: batch.events.map((event) => ({ ...event, text })) });
    };
    let waiting = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    consume(async (batches) => {
      sizes.push(batches.reduce((sum, batch) => sum + (batch.events[0]?.text.length ?? 0), 0));
      await gate;
      return batches.map(() => true);
    });
    await send();
    await waitFor(() => sizes.length === 1, { message: 'the first call' });
    for (let i = 0; i < 9; i++) await send();
    await waitFor(async () => (await consumerInfo()).num_ack_pending === 10, { message: 'all to be delivered' });
    await nc.flush();
    waiting();
    await waitFor(() => sizes.reduce((sum, size) => sum + size, 0) === 10 * text.length, { message: 'all batches' });
    for (const size of sizes) expect(size).toBeLessThanOrEqual(maxBytesAtOnce);
    expect(Math.max(...sizes)).toBeGreaterThan(maxBytesAtOnce / 2);
  });

  it('gets again what it did not do, and only that', async () => {
    const seen = new Map<string, number>();
    const sent = [batchOf('policy'), batchOf('policy'), batchOf('policy')];
    const [, stubborn] = sentKeys(sent);
    consume(async (batches) =>
      batches.map((batch) => {
        const key = keysOf([batch]).join();
        seen.set(key, (seen.get(key) ?? 0) + 1);
        return key !== stubborn || seen.get(key) === 3;
      }),
    );
    for (const batch of sent) await publish(batch);
    await waitFor(allAcknowledged, { message: 'all done' });
    expect(sentKeys(sent).map((key) => seen.get(key))).toEqual([1, 3, 1]);
  });

  it('gets everything again when it throws', async () => {
    const errors: Error[] = [];
    const { received, handle } = collector();
    consume(
      async (batches) => {
        if (errors.length < 2) throw new Error('no database');
        return handle(batches);
      },
      { onError: (error) => errors.push(error) },
    );
    await publish(batchOf('policy'));
    await waitFor(() => received.length === 1, { message: 'the batch' });
    expect(errors.map((error) => error.message)).toEqual(['no database', 'no database']);
  });

  it('misses nothing of a steady stream, and waits for nothing', async () => {
    const { received, handle } = collector();
    consume(handle);
    const startedAt = performance.now();
    const sent: EventBatch[] = [];
    for (let i = 0; i < 300; i++) {
      const batch = batchOf('policy');
      sent.push(batch);
      await publish(batch);
    }
    await waitFor(() => received.length >= sent.length, { message: 'all batches' });
    // A message that is forgotten is delivered again only after ackWaitMs.
    expect(performance.now() - startedAt).toBeLessThan(ackWaitMs);
    expect(keysOf(received)).toEqual(sentKeys(sent));
  });
});

describe('a message that is no batch', () => {
  const inject = (subject: string, source: string, prev: string, body: string) => {
    const carried = headers();
    carried.set(sourceHeader, source);
    carried.set(prevHeader, prev);
    return jetstream(nc).publish(subject, body, { headers: carried });
  };

  it('is reported and given up; what came with it is applied', async () => {
    const errors: string[] = [];
    const { received, handle } = collector();
    const [first, last] = [batchOf('policy'), batchOf('policy')];
    await publish(first);
    await jetstream(nc).publish('ev.identity.a.b.c', 'no headers at all');
    await inject('ev.policy.a.b.c', 'policy', '0.0', 'garbage');
    await publish(last);
    consume(handle, { onError: (error) => errors.push(error.name) });
    await waitFor(allAcknowledged, { message: 'nothing left' });
    expect(keysOf(received)).toEqual(sentKeys([first, last]));
    expect(errors).toEqual(['MalformedBatch', 'MalformedBatch']);
  });

  it('cannot take the consumer’s places, however many come', async () => {
    const { received, handle } = collector();
    for (let i = 0; i < maxAckPending + 10; i++) await jetstream(nc).publish('ev.identity.a.b.c', '{"ok":false}');
    const sent = batchOf('policy');
    await publish(sent);
    consume(handle);
    await waitFor(() => received.length === 1, { message: 'the batch behind them' });
    expect(keysOf(received)).toEqual(sentKeys([sent]));
  });

  it('is one that names a source under whose subject it was not published', async () => {
    const errors: string[] = [];
    const { received, handle } = collector();
    const forged = batchOf('identity');
    await inject('ev.policy.acme.key.a', 'identity', '0.0', encodeBatch(forged));
    consume(handle, { onError: (error) => errors.push(error.message) });
    await waitFor(allAcknowledged, { message: 'nothing left' });
    expect(received).toEqual([]);
    expect(errors.join()).toMatch(/not under the subject of its source/);
  });
});

describe('Consumption', () => {
  it('waits for a consumer that does not exist yet', async () => {
    await manager.consumers.delete(eventStream.name, 'audit_ledger');
    const errors: Error[] = [];
    const { received, handle } = collector();
    consume(handle, { onError: (error) => errors.push(error) });
    await waitFor(() => errors.length >= 2, { message: 'two tries' });
    const sent = batchOf('policy');
    await publish(sent);
    await ensureTopology(nc);
    await waitFor(() => received.length === 1, { message: 'the batch' });
  });

  it('goes on with a consumer that is deleted and made again while it reads', async () => {
    const { received, handle } = collector();
    consume(handle);
    await publish(batchOf('policy'));
    await waitFor(() => received.length === 1, { message: 'the first' });
    await manager.consumers.delete(eventStream.name, 'audit_ledger');
    await ensureTopology(nc);
    await waitFor(() => received.length === 2, { message: 'the first again: the new consumer knows of nothing' });
  });

  it('shares a durable with other replicas: together they get everything', async () => {
    const [a, b] = [collector(), collector()];
    const busy =
      (handle: ConsumeOptions['handle']): ConsumeOptions['handle'] =>
      async (batches) => {
        await new Promise((resolve) => setImmediate(resolve));
        return handle(batches);
      };
    consume(busy(a.handle));
    consume(busy(b.handle), {}, await bus.connect('audit'));
    const sent = Array.from({ length: 120 }, () => batchOf('policy'));
    await Promise.all(sent.map(publish));
    // Delivery is at least once: one that comes twice is no fault, one that does not come is.
    const got = () => [...new Set([...keysOf(a.received), ...keysOf(b.received)])].sort();
    await waitFor(() => got().length >= sent.length, { message: 'all of it' });
    await waitFor(allAcknowledged, { message: 'all done' });
    expect(got()).toEqual(sentKeys(sent).sort());
  });

  it('gives back what waits when it stops, so that another replica has it at once', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let calls = 0;
    const stopping = consume(async (batches) => {
      calls++;
      await gate;
      return batches.map(() => true);
    });
    await publish(batchOf('policy'));
    await waitFor(() => calls === 1, { message: 'the first call' });
    for (let i = 0; i < 3; i++) await publish(batchOf('policy'));
    await waitFor(async () => (await consumerInfo()).num_ack_pending === 4, { message: 'three to wait' });
    const stopped = stopping.stop();
    release();
    await stopped;
    const startedAt = performance.now();
    const { received, handle } = collector();
    consume(handle);
    await waitFor(() => received.length === 3, { message: 'the other three' });
    expect(performance.now() - startedAt).toBeLessThan(ackWaitMs / 2);
    expect(calls).toBe(1);
  });

  it('does not end the process when its connection is closed while it applies', async () => {
    const connection = await bus.connect('audit');
    const errors: Error[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let working = false;
    const consumption = consume(
      async (batches) => {
        working = true;
        await gate;
        return batches.map(() => true);
      },
      { onError: (error) => errors.push(error) },
      connection,
    );
    await publish(batchOf('policy'));
    await waitFor(() => working, { message: 'the handler' });
    await connection.close();
    release();
    await waitFor(() => errors.length > 0, { message: 'the report' });
    await consumption.stop();
  });

  it('stops at once before it ever read, and when there is no stream', async () => {
    await manager.streams.delete(eventStream.name);
    const { handle } = collector();
    const startedAt = performance.now();
    await consume(handle, { retryMs: 60_000 }).stop();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });
});

describe('NATS', () => {
  it('that is gone is not waited for: a publish fails at once', async () => {
    const cut = await bus.connect('policy');
    const outbox = createPublisher(cut, 60_000);
    await bus.nats.kill9();
    await waitFor(() => isDown(cut), { message: 'the loss' });
    const startedAt = performance.now();
    await expect(outbox(batchOf('policy'))).rejects.toThrow('no connection to NATS');
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await bus.nats.restart();
    await waitFor(() => outbox(batchOf('policy')).then(() => true), { message: 'the return' });
  });

  it('may be killed and started again: nothing that was acknowledged is lost, and reading goes on', async () => {
    const { received, handle } = collector();
    consume(handle, {}, await bus.connect('audit'));
    const sent: EventBatch[] = [];
    const outbox = createPublisher(nc, 500);
    const send = async () => {
      const batch = batchOf('policy');
      // As the outbox does: again until it is acknowledged.
      await waitFor(() => outbox(batch).then(() => true), { message: 'an acknowledgement' });
      sent.push(batch);
    };
    for (let i = 0; i < 20; i++) await send();
    await bus.nats.kill9();
    await bus.nats.restart();
    for (let i = 0; i < 5; i++) await send();
    const missing = () => {
      const got = new Set(keysOf(received));
      return sentKeys(sent).filter((key) => !got.has(key));
    };
    await waitFor(() => missing().length === 0, { message: () => `missing ${missing().length}` });
  });

  it('may hang for a while: what is published then is published when it wakes', async () => {
    const { received, handle } = collector();
    consume(handle);
    await publish(batchOf('policy'));
    await waitFor(() => received.length === 1, { message: 'the first' });
    const impatient = createPublisher(nc, 200);
    bus.nats.pause();
    const hangs = () =>
      nc.request('$JS.API.INFO', '', { timeout: 100 }).then(
        () => false,
        () => true,
      );
    await waitFor(hangs, { message: 'NATS to hang' });
    const batch = batchOf('policy');
    await expect(impatient(batch)).rejects.toThrow(/timeout/i);
    bus.nats.resume();
    // It was stored after all: the same batch again is the same message.
    await publish(batch);
    await waitFor(() => received.length >= 2, { message: 'the second' });
    await publish(batchOf('policy'));
    await waitFor(() => received.length >= 3, { message: 'the third' });
    expect((await manager.streams.info(eventStream.name)).state.messages).toBe(3);
  });
});
