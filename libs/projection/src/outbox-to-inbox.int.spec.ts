import { Consumption, connectBus, createPublisher, type EventBatch, ensureTopology } from '@gatehouse/bus';
import { startPosition } from '@gatehouse/contracts';
import { notifyChannel, OutboxRelay, pause, readLog, readVisible, rewindOutbox, Wake } from '@gatehouse/event-store';
import { startTestNats, type TestNats, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type pg from 'pg';
import { Inbox, type InboxOptions } from './inbox.js';
import type { ProjectedEvent } from './projection.js';
import {
  contextOf,
  itemAdded,
  type ProjectionDatabase,
  startProjectionDatabase,
} from './projection-database.fixture.js';

// The log of the schema `shop` is published as that of `identity`, for which the topology has a consumer.
const [service, source, durable] = ['shop', 'identity', 'policy_facts'] as const;

let db: ProjectionDatabase;
let nats: TestNats;
let nc: NatsConnection;
let manager: JetStreamManager;
let wake: Wake;
let publish: (batch: EventBatch) => Promise<void>;
beforeAll(async () => {
  [db, nats] = await Promise.all([startProjectionDatabase(), startTestNats()]);
  await db.admin('create table shop.effects (place bigint generated always as identity, name text not null)');
  await db.admin('grant select, insert, delete on shop.effects to gatehouse_shop_system');
  nc = await connectBus({ servers: nats.url, user: 'setup' });
  manager = await jetstreamManager(nc);
  wake = new Wake({ url: db.systemUrl, channels: [notifyChannel(service)] }).start();
  const toNats = createPublisher(nc, 1_000);
  publish = (batch) => toNats({ ...batch, source });
});
afterAll(async () => {
  await wake.stop();
  await nc.close();
  await Promise.all([db.close(), nats.stop()]);
});
beforeEach(async () => {
  await db.clear();
  await db.admin('truncate shop.effects');
  await manager.streams.delete('EVENTS').catch(() => undefined);
  await ensureTopology(nc);
});
const parts: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(parts.splice(0).map((part) => part.stop()));
});

function relay(through = publish): OutboxRelay {
  const started = new OutboxRelay({ service, url: db.systemUrl, wake, publish: through, maxBatch: 10 }).start();
  parts.push(started);
  return started;
}

/** The effect cannot be repeated unnoticed: each event adds a row. */
async function addRows(client: Pick<pg.ClientBase, 'query'>, events: readonly ProjectedEvent[]): Promise<void> {
  for (const { envelope } of events) await client.query('insert into effects (name) values ($1)', [envelope.data.name]);
}

function consume(options: Partial<InboxOptions> = {}): Inbox {
  const inbox = new Inbox({
    ...{ consumer: durable, sources: [source], pool: db.system, apply: addRows, parks: false, gapAfterMs: 300 },
    onGap: (_, have) => rewindOutbox(db.system, have),
    ...options,
  });
  const consumption = new Consumption(nc, { durable, handle: inbox.handle, retryMs: 50 }).start();
  parts.push(consumption);
  return inbox;
}

let streams = 0;
const append = (...names: string[]) =>
  db.store.append(`cart:${streams++}`, names.map(itemAdded), { expectedRevision: 0, context: contextOf() });
const nameOf = (text: string) => (JSON.parse(text) as { data: { name: string } }).data.name;
/** The kills may have hit the very connection that is asked. */
const logged = () =>
  waitFor(
    async () => (await readVisible(db.system, startPosition, { limit: 10_000 })).map(({ text }) => nameOf(text)),
    {
      message: 'the log',
    },
  );
const effects = async () =>
  (await db.admin('select name from shop.effects order by place')).rows.map((row) => row.name as string);
const messages = async () => (await manager.streams.info('EVENTS')).state.messages;

/** Waits until as much has been applied as was logged, and fails unless it is the same, in the same order. */
async function expectExactlyOnce(timeoutMs = 20_000): Promise<void> {
  const all = await logged();
  await waitFor(async () => (await effects()).length >= all.length, {
    timeoutMs,
    message: () => `${all.length} effects`,
  });
  expect(await effects()).toEqual(all);
}
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const killBackends = (application: string) =>
  db.admin(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and usename like '%system'`,
    [application],
  );

describe('from the outbox through NATS to an inbox', () => {
  it('every event arrives once and in order, from concurrent writers', async () => {
    relay();
    consume();
    await Promise.all(names('n', 60).map((name) => append(name, `${name}-b`)));
    await expectExactlyOnce();
  });

  it('a publish that failed but was stored: more events come before the retry, nothing is lost or doubled', async () => {
    let failures = 0;
    const tries: number[] = [];
    const relayed = relay(async (batch) => {
      tries.push(batch.events.length);
      await publish(batch);
      if (failures++ === 0) throw new Error('no answer in time');
    });
    await append('a', 'b');
    await waitFor(() => relayed.state.failures > 0, { message: 'the failure' });
    await append('c');
    await append('d');
    consume();
    await expectExactlyOnce();
    expect(tries.slice(0, 2)).toEqual([2, 2]);
  });

  it('a relay that dies after a publish: the next one publishes more than was stored, under another id', async () => {
    let published = (): void => undefined;
    const first = new Promise<void>((resolve) => {
      published = resolve;
    });
    const dying = relay(async (batch) => {
      await publish(batch);
      published();
      await pause(60_000, stopped.signal); // the acknowledgement comes, the position is never saved
    });
    const stopped = new AbortController();
    await append('a', 'b');
    await first;
    await append('c');
    await append('d');
    await killBackends('outbox:shop');
    relay();
    consume();
    await expectExactlyOnce();
    expect(await messages()).toBeGreaterThan(1);
    stopped.abort();
    await dying.stop();
  });

  it('a rogue publisher without the lock, from an old position: every event still counts once', async () => {
    relay();
    consume();
    const rogue = async () => {
      for (let position = startPosition; ; ) {
        const page = await readLog(db.system, position, { limit: 7 });
        if (page.events.length === 0) return;
        await publish({ source, prev: position, events: page.events });
        position = page.position;
      }
    };
    for (let round = 0; round < 4; round++) {
      await Promise.all([...names(`r${round}-`, 12).map((name) => append(name)), rogue(), rogue()]);
      await rogue();
    }
    await expectExactlyOnce();
    expect(await messages()).toBeGreaterThan(10);
  });

  it('relays, inboxes and NATS that are killed at random: every event counts once and in order', async () => {
    relay();
    relay();
    const inboxes = [consume(), consume()];
    let writing = true;
    const writer = async (w: number) => {
      for (let i = 0; i < 40; i++) {
        await append(`w${w}-${i}`);
        await pause(15);
      }
    };
    const writers = Promise.all([0, 1, 2].map(writer)).then(() => {
      writing = false;
    });
    for (let round = 0; writing; round++) {
      await pause(120);
      // The relay, its position perhaps not saved; the inbox, inside its transaction or between two.
      await killBackends(round % 2 ? 'outbox:shop' : 'spec');
      if (round === 2) {
        await nats.kill9();
        await nats.restart();
      }
    }
    await writers;
    await expectExactlyOnce(30_000);
    expect(inboxes.reduce((sum, inbox) => sum + inbox.state.applied, 0)).toBeLessThanOrEqual(120);
  });
});

describe('messages that got lost', () => {
  it('are published again, though more wait behind them than the consumer has places', async () => {
    const relayed = relay(async (batch) => {
      for (const [i, event] of batch.events.entries())
        await publish({ ...batch, prev: batch.events[i - 1]?.position ?? batch.prev, events: [event] });
    });
    for (const name of names('n', 100)) await append(name);
    await waitFor(() => relayed.state.published === 100, { message: 'the relay' });
    expect(await messages()).toBe(100);
    for (const lost of [3, 4, 50]) await manager.streams.deleteMessage('EVENTS', lost);
    const asked: string[] = [];
    consume({
      onGap: (_, have) => {
        asked.push(String(have.seq));
        return rewindOutbox(db.system, have);
      },
    });
    await expectExactlyOnce();
    // Once: what comes again is complete.
    expect(asked).toHaveLength(1);
  });

  it('are published again for a consumer whose database was set back, within the time in which copies are dropped', async () => {
    relay();
    consume();
    await Promise.all(names('n', 20).map((name) => append(name)));
    await expectExactlyOnce();
    await Promise.all(parts.splice(1).map((part) => part.stop()));
    // A backup from before all of this.
    await db.admin('truncate shop.effects, shop.inbox_positions');
    const inbox = consume();
    await append('afterwards');
    await expectExactlyOnce();
    expect(inbox.gaps).toEqual([]);
  });

  it('are asked for again when the source could not be asked', async () => {
    const relayed = relay();
    for (const name of names('n', 5)) {
      await append(name);
      await waitFor(async () => (await messages()) >= 1, { message: 'the message' });
    }
    await waitFor(() => relayed.state.published === 5, { message: 'the relay' });
    await manager.streams.deleteMessage('EVENTS', 1);
    await append('behind');
    await waitFor(() => relayed.state.published === 6, { message: 'the relay' });
    let refusals = 0;
    consume({
      onGap: async (_, have) => {
        if (refusals++ < 2) throw new Error('no answer');
        return rewindOutbox(db.system, have);
      },
    });
    await expectExactlyOnce();
    expect(refusals).toBe(3);
  });
});
