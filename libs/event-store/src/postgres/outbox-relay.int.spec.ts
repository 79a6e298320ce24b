import { comparePositions, type Position, startPosition } from '@gatehouse/contracts';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { writeEvent } from '../write-event.js';
import {
  connected,
  contextOf,
  type EventDatabase,
  itemAdded,
  service,
  startEventDatabase,
} from './event-database.fixture.js';
import { pause } from './exclusive.js';
import { cutByBytes, type OutboxBatch, OutboxRelay, type OutboxRelayOptions, rewindOutbox } from './outbox-relay.js';
import { PostgresEventStore } from './postgres-event-store.js';
import { highRate, insertFirstEvents, type StoredEvent } from './rows.js';
import { notifyChannel } from './schema.js';
import { Wake } from './wake.js';

// The whole way, through NATS to an inbox, is tested in libs/projection: it depends on this library.
let db: EventDatabase;
let system: pg.Pool;
let store: PostgresEventStore;
let wake: Wake;
const relays: OutboxRelay[] = [];
beforeAll(async () => {
  db = await startEventDatabase();
  system = db.pool(db.systemUrl);
  store = new PostgresEventStore({ service, pool: db.pool(db.requestUrl, 8) });
  wake = new Wake({ url: db.systemUrl, channels: ['gatehouse_events_shop'] }).start();
});
afterAll(async () => {
  await wake.stop();
  await db.close();
});
beforeEach(() => db.admin(`truncate ${service}.events; update ${service}.outbox set tx = '0', seq = 0, rewinds = 0`));
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});

function start(publish: OutboxRelayOptions['publish'], options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const relay = new OutboxRelay({ service, url: db.systemUrl, wake, publish, ...options }).start();
  relays.push(relay);
  return relay;
}

const channel = notifyChannel(service);
let streams = 0;
const append = (...names: string[]) =>
  store.append(`cart:${streams++}`, names.map(itemAdded), { expectedRevision: 0, context: contextOf() });
const nameOf = (event: StoredEvent) => (JSON.parse(event.text) as { data: { name: string } }).data.name;
const namesOf = (batches: readonly OutboxBatch[]) => batches.flatMap((batch) => batch.events.map(nameOf));
const savedPosition = async (): Promise<Position> => {
  const { rows } = await db.admin(`select tx::text, seq::text from ${service}.outbox`);
  return { tx: BigInt(rows[0].tx), seq: BigInt(rows[0].seq) };
};

/** Fails unless each batch begins where the one before it ended. */
function expectChain(batches: readonly OutboxBatch[]): void {
  let end = startPosition;
  for (const batch of batches) {
    expect(batch.prev).toEqual(end);
    end = batch.events.at(-1)?.position ?? end;
  }
}

describe('OutboxRelay', () => {
  it('publishes everything once, in the order of the commits, each batch joined to the one before', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => void batches.push(batch), { maxBatch: 5 });
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    await Promise.all(names.map((name) => append(name)));
    await waitFor(() => relay.state.published === 40, { message: 'forty events' });
    expect(namesOf(batches).sort()).toEqual([...names].sort());
    expectChain(batches);
    const positions = batches.flatMap((batch) => batch.events.map((event) => event.position));
    expect(positions).toEqual([...positions].sort(comparePositions));
    expect(await savedPosition()).toEqual(positions.at(-1));
    expect(relay.state).toMatchObject({ failures: 0, position: positions.at(-1) });
  });

  it('is woken by the commit: an event is out long before the next look', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => void batches.push(batch));
    await waitFor(() => relay.active, { message: 'the relay' });
    await pause(100); // it has looked and found nothing
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      const startedAt = performance.now();
      await append(`n${i}`);
      await waitFor(() => batches.length > i, { message: 'the event', intervalMs: 2 });
      waits.push(performance.now() - startedAt);
    }
    // Without the bell every event would wait for the look that comes once a second.
    expect(waits.sort((a, b) => a - b)[2]).toBeLessThan(500);
  });

  it('lets high-rate events gather, but for the first; any other event takes them along at once', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => void batches.push(batch), { gatherMs: 60_000 });
    const record = async (name: string) => {
      await insertFirstEvents(system, [writeEvent(itemAdded(name), `cart:${streams++}`, 1, contextOf())]);
      await system.query('select pg_notify($1, $2)', [channel, highRate]);
    };
    // The connection that wakes it stands, and says nothing more of this one.
    let heard = false;
    const unlisten = wake.listen(() => {
      heard = true;
    });
    await append('before');
    await waitFor(() => heard && relay.state.published === 1, { message: 'one before' });
    unlisten();
    await record('first');
    await waitFor(() => relay.state.published === 2, { message: 'the first, at once' });
    for (const name of ['second', 'third']) await record(name);
    await append('other');
    await waitFor(() => relay.state.published === 5, { message: 'all, at once' });
    const names = batches.map((batch) => batch.events.map(nameOf));
    expect(names).toEqual([['before'], ['first'], ['second', 'third', 'other']]);
    expectChain(batches);
    await record('last');
    await relay.stop(); // which does not wait until they have gathered
    relays.splice(0);
    const next = start(async (batch) => void batches.push(batch));
    await waitFor(() => next.state.published === 1, { message: 'the next relay publishes what had gathered' });
    expectChain(batches);
  });

  it('publishes an event that commits behind a running transaction as soon as that ends', async () => {
    const batches: OutboxBatch[] = [];
    start(async (batch) => void batches.push(batch));
    const open = await connected(db.systemUrl);
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      await open.query('begin; select pg_current_xact_id()');
      await append('held');
      await pause(50);
      expect(batches.length).toBe(i);
      const startedAt = performance.now();
      await open.query('rollback'); // no notification comes of this
      await waitFor(() => batches.length === i + 1, { message: 'the held event', intervalMs: 2 });
      waits.push(performance.now() - startedAt);
    }
    expect(Math.min(...waits)).toBeLessThan(800);
    await open.end();
  });

  it('publishes the same batch again until it is acknowledged, and nothing behind it meanwhile', async () => {
    const tries: OutboxBatch[] = [];
    const errors: Error[] = [];
    const publish = async (batch: OutboxBatch) => {
      tries.push(batch);
      if (tries.length === 1) await append('later');
      if (tries.length < 4) throw new Error('not acknowledged');
    };
    const relay = start(publish, { onError: (error) => errors.push(error) });
    await append('first');
    await waitFor(() => relay.state.published === 2, { message: 'both events' });
    expect(tries.map((batch) => namesOf([batch]))).toEqual([['first'], ['first'], ['first'], ['first'], ['later']]);
    expect(errors).toHaveLength(3);
    expect(relay.state.failures).toBe(0);
  });

  it('counts failures in a row, for readiness', async () => {
    let down = true;
    const relay = start(async () => {
      if (down) throw new Error('no bus');
    });
    await append('a');
    await waitFor(() => relay.state.failures >= 2, { message: 'failures' });
    down = false;
    await waitFor(() => relay.state.failures === 0 && relay.state.published === 1, { message: 'recovery' });
  });

  it('stops in the middle of a publish that never succeeds', async () => {
    const relay = start(() => Promise.reject(new Error('no bus')));
    await append('a');
    await waitFor(() => relay.state.failures > 0, { message: 'a failure' });
    await relay.stop();
    expect(await savedPosition()).toEqual(startPosition);
  });

  it('cuts a page into batches that fit into a message', async () => {
    const batches: OutboxBatch[] = [];
    await append(...Array.from({ length: 10 }, () => 'x'.repeat(1_000)));
    const relay = start(async (batch) => void batches.push(batch), { maxBatchBytes: 3_600 });
    await waitFor(() => relay.state.published === 10, { message: 'ten events' });
    expectChain(batches);
    expect(batches.length).toBeGreaterThan(4);
    for (const batch of batches)
      expect(batch.events.reduce((sum, event) => sum + Buffer.byteLength(event.text), 0)).toBeLessThan(3_600);
  });
});

describe('a relay that dies', () => {
  const killRelay = () =>
    db.admin(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'outbox:shop'
              and pid in (select pid from pg_locks where locktype = 'advisory')`);

  it('after the publish and before the position is saved: publishes again, with what came behind', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => {
      batches.push(batch);
      if (batches.length > 1) return;
      await append('behind');
      await killRelay();
    });
    await append('a', 'b');
    await waitFor(() => relay.state.published === 3, { message: 'the rest' });
    expect(batches.map((batch) => namesOf([batch]))).toEqual([
      ['a', 'b'],
      ['a', 'b', 'behind'],
    ]);
    expect(batches[1]?.prev).toEqual(startPosition);
  });

  it('after the position is saved: does not publish again', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => void batches.push(batch));
    await append('a');
    await waitFor(async () => comparePositions(await savedPosition(), startPosition) > 0, { message: 'the position' });
    await killRelay();
    await append('b');
    await waitFor(() => relay.state.published === 2, { message: 'the next event' });
    expect(namesOf(batches)).toEqual(['a', 'b']);
    expectChain(batches);
  });

  it('without the lock cannot move the position, even when its publish succeeds late', async () => {
    let finish = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const published: string[] = [];
    let stuck = 0;
    const first = start(async (batch) => {
      if (++stuck === 1) await slow;
      published.push(...namesOf([batch]).map((name) => `first:${name}`));
    });
    await append('a');
    await waitFor(() => stuck === 1, { message: 'the first relay to publish' });
    const second = start(async (batch) => void published.push(...namesOf([batch]).map((name) => `second:${name}`)));
    await killRelay();
    await append('b');
    await waitFor(() => second.state.published === 2, { message: 'the takeover' });
    const position = await savedPosition();
    finish();
    await waitFor(() => published.includes('first:a'), { message: 'the late publish' });
    await pause(50);
    expect(await savedPosition()).toEqual(position);
    expect(published).toEqual(['second:a', 'second:b', 'first:a']);
    expect(first.state.published).toBe(0);
    expect(second.state.published).toBe(2);
  });

  it('leaves its place to the other one: of two, one is active', async () => {
    const by: string[] = [];
    const publish = (name: string) => async (batch: OutboxBatch) =>
      void by.push(...batch.events.map((event) => `${name}:${nameOf(event)}`));
    for (const name of ['a', 'b']) start(publish(name));
    const active = () => relays.filter((relay) => relay.active);
    for (let i = 0; i < 6; i++) {
      const { position } = await append(`n${i}`);
      await waitFor(async () => comparePositions(await savedPosition(), position) >= 0, { message: 'the event' });
      expect(active()).toHaveLength(1);
      if (i % 2 === 0) await killRelay();
      else {
        await active()[0]?.stop();
        start(publish(`c${i}`));
      }
    }
    expect(by.map((line) => line.split(':')[1])).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5']);
    expect(new Set(by.map((line) => line.split(':')[0])).size).toBeGreaterThan(1);
  });
});

describe('rewindOutbox', () => {
  it('publishes again from there, under another number, and never moves forward', async () => {
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => void batches.push(batch));
    const a = await append('a');
    await waitFor(() => relay.state.published === 1, { message: 'a' });
    const b = await append('b');
    await waitFor(() => relay.state.published === 2, { message: 'b' });
    expect(await rewindOutbox(system, b.position)).toBe(false);
    expect(await rewindOutbox(system, { tx: b.position.tx + 1n, seq: 0n })).toBe(false);
    expect(await rewindOutbox(system, a.position)).toBe(true);
    await waitFor(() => relay.state.published === 3, { message: 'b again' });
    expect(await rewindOutbox(system, startPosition)).toBe(true);
    await waitFor(() => relay.state.published === 5, { message: 'all again' });
    expect(batches.map((batch) => [namesOf([batch]).join(), batch.prev, batch.rewinds])).toEqual([
      ['a', startPosition, 0],
      ['b', a.position, 0],
      ['b', a.position, 1],
      ['a,b', startPosition, 2],
    ]);
    expect(await savedPosition()).toEqual(b.position);
  });

  it('is not undone by a batch that was on its way', async () => {
    let held = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      held = resolve;
    });
    const batches: OutboxBatch[] = [];
    const relay = start(async (batch) => {
      batches.push(batch);
      if (batches.length === 2) await gate;
    });
    await append('a');
    await waitFor(() => relay.state.published === 1, { message: 'a' });
    await append('b');
    await waitFor(() => batches.length === 2, { message: 'b to be on its way' });
    expect(await rewindOutbox(system, startPosition)).toBe(true);
    held();
    await waitFor(() => relay.state.published === 3, { message: 'both again' });
    expect(batches.map((batch) => namesOf([batch]).join())).toEqual(['a', 'b', 'a,b']);
  });
});

describe('cutByBytes', () => {
  const event = (size: number): StoredEvent => ({
    position: startPosition,
    tenantId: 't',
    streamId: 's:1',
    type: 'x.y',
    text: 'é'.repeat(size / 2),
  });

  it('keeps order, loses nothing, and gives every batch at least one event', () => {
    const events = [100, 100, 900, 10, 10, 2_000, 30].map(event);
    const batches = cutByBytes(events, 500);
    expect(batches.flat()).toEqual(events);
    expect(batches.map((batch) => batch.length)).toEqual([2, 1, 2, 1, 1]);
    expect(cutByBytes([], 500)).toEqual([]);
  });
});
