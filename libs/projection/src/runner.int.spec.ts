import { comparePositions, startPosition } from '@gatehouse/contracts';
import { notifyChannel, PostgresEventStore, Wake } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { listParked } from './parking.js';
import { asInline, type Projection } from './projection.js';
import {
  carts,
  connected,
  contextOf,
  itemAdded,
  type ProjectionDatabase,
  service,
  startProjectionDatabase,
} from './projection-database.fixture.js';
import { ProjectionRunner, type ProjectionRunnerOptions } from './runner.js';

let db: ProjectionDatabase;
let wake: Wake;
const runners: ProjectionRunner[] = [];
beforeAll(async () => {
  db = await startProjectionDatabase();
  wake = new Wake({ url: db.systemUrl, channels: [notifyChannel(service)] }).start();
});
afterAll(async () => {
  await wake.stop();
  await db.close();
});
beforeEach(() => db.clear());
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
});

function run(projection: Projection = carts, options: Partial<ProjectionRunnerOptions> = {}): ProjectionRunner {
  const runner = new ProjectionRunner({ service, url: db.systemUrl, wake, projection, ...options }).start();
  runners.push(runner);
  return runner;
}

let streams = 0;
const add = (names: readonly string[], stream = `cart:${streams++}`, expectedRevision = 0) =>
  db.store.append(stream, names.map(itemAdded), { expectedRevision, context: contextOf() });
const items = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await db.admin('select id, items from shop.carts order by id')).rows.map((row) => [row.id, row.items]),
  );
const savedPosition = async (name = 'carts') => {
  const { rows } = await db.admin('select tx::text, seq::text from shop.projection_positions where name = $1', [name]);
  return rows[0] ? { tx: BigInt(rows[0].tx), seq: BigInt(rows[0].seq) } : startPosition;
};
/** Waits until the runner has read the log anew, twice: whatever was committed before this call it has seen. */
async function looksAgain(): Promise<void> {
  for (let looks = 0; looks < 2; looks++) {
    const since = (await db.admin('select clock_timestamp() as now')).rows[0].now;
    await db.admin(`select pg_notify('${notifyChannel(service)}', '')`);
    const reads = `select 1 from pg_stat_activity where application_name like 'projection:%' and query_start > $1`;
    await waitFor(async () => (await db.admin(reads, [since])).rows.length > 0, { message: 'the runner to look' });
  }
}
const caughtUp = (position: { tx: bigint; seq: bigint }, name?: string) =>
  waitFor(async () => comparePositions(await savedPosition(name), position) >= 0, { message: 'the projection' });

describe('ProjectionRunner', () => {
  it('folds what is there and what comes, in small pages, and knows where it is', async () => {
    await add(['a', 'b', 'c'], 'cart:old');
    const runner = run(carts, { batch: 2 });
    const { position } = await add(['d', 'e'], 'cart:new');
    await caughtUp(position);
    expect(await items()).toEqual({ 'cart:old': 3, 'cart:new': 2 });
    await waitFor(() => runner.state.applied === 5, { message: 'its count' });
    expect(runner.state).toMatchObject({ parked: 0, failedAt: 0 });
    expect(comparePositions(runner.state.position, position)).toBeGreaterThanOrEqual(0);
    expect(runner.state.caughtUpAt).toBeGreaterThan(0);
  });

  it('moves past events of other types, and writes nothing while the log is idle', async () => {
    const runner = run();
    const closed = [{ type: 'cart.closed', version: 1, data: {} }];
    const { position } = await db.store.append('cart:x', closed, { expectedRevision: 0, context: contextOf() });
    await caughtUp(position);
    const xmin = async () => (await db.admin('select xmin::text from shop.projection_positions')).rows[0].xmin;
    const before = await xmin();
    await looksAgain();
    await looksAgain();
    expect(await xmin()).toBe(before);
    expect(runner.state.applied).toBe(0);
  });

  it('applies an event that commits late, behind others', async () => {
    run();
    await add(['first'], 'cart:early').then(({ position }) => caughtUp(position));
    const late = await connected(db.systemUrl);
    await late.query('begin; select pg_current_xact_id()');
    const { position } = await add(['second'], 'cart:early', 1);
    await looksAgain();
    const envelope = {
      type: 'cart.item.added',
      tenantId: 'acme',
      streamId: 'cart:late',
      data: { name: 'late' },
      id: '0192e4a0-0000-7000-8000-000000000001',
    };
    await late.query(
      `insert into events (id, tenant_id, stream_id, revision, type, envelope) values ($1, 'acme', 'cart:late', 1, $2, $3)`,
      [envelope.id, envelope.type, JSON.stringify(envelope)],
    );
    await late.query('commit');
    await late.end();
    await caughtUp(position);
    expect(await items()).toEqual({ 'cart:early': 2, 'cart:late': 1 });
  });

  it('commits rows and position together: killed in between, it has neither, and then both', async () => {
    const pids: number[] = [];
    const fragile: Projection = {
      ...carts,
      apply: async (query, events) => {
        await carts.apply(query, events);
        pids.push((await query.query('select pg_backend_pid() as pid')).rows[0].pid);
        if (pids.length > 1) return;
        expect(await items()).toEqual({}); // not visible to anybody yet
        await db.admin('select pg_terminate_backend($1)', [pids[0]]);
      },
    };
    const errors: Error[] = [];
    run(fragile, { onError: (error) => errors.push(error) });
    const { position } = await add(['a', 'b'], 'cart:a');
    await caughtUp(position);
    expect(await items()).toEqual({ 'cart:a': 2 });
    expect(errors.length).toBeGreaterThan(0);
    expect(new Set(pids).size).toBe(2);
    expect(await listParked(db.system)).toEqual([]);
  });

  it('is taken over by another replica when its session is killed', async () => {
    const [a, b] = [run(), run()];
    const first = await waitFor(() => [a, b].find((runner) => runner.active), { message: 'one to be active' });
    const one = await add(['x'], 'cart:one');
    await caughtUp(one.position);
    await first.stop();
    await add(['y'], 'cart:two').then(({ position }) => caughtUp(position));
    expect([a, b].find((runner) => runner.active)).not.toBe(first);
    expect(await items()).toEqual({ 'cart:one': 1, 'cart:two': 1 });
  });
});

describe('a poison event', () => {
  it('is parked with its stream’s later events, counted and shown; the others go on', async () => {
    const counts: number[] = [];
    const runner = run(carts, { onParked: (count) => counts.push(count) });
    await add(['a'], 'cart:good');
    await add(['a', 'poison', 'b'], 'cart:bad');
    const { position } = await add(['c'], 'cart:good', 1);
    await caughtUp(position);
    const after = await add(['d'], 'cart:bad', 3);
    await caughtUp(after.position);
    expect(await items()).toEqual({ 'cart:good': 2, 'cart:bad': 1 });
    const parked = await listParked(db.system);
    expect(parked.map(({ streamId, reason }) => [streamId, reason])).toEqual([
      ['cart:bad', 'TypeError'],
      ['cart:bad', 'an earlier event of its stream is parked'],
      ['cart:bad', 'an earlier event of its stream is parked'],
    ]);
    await waitFor(() => runner.state.parked === 3, { message: 'the count' });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('is told of without the values that could not be written', async () => {
    run();
    const { position } = await add(['secret-hunter2'], 'cart:s');
    await caughtUp(position);
    const parked = await listParked(db.system);
    expect(parked[0]?.reason).toBe('SQLSTATE 22P02');
    expect(JSON.stringify(parked)).not.toContain('hunter2');
    expect(await items()).toEqual({}); // half of the event's rows are not kept
  });

  it('is found among many without applying any of the others twice', async () => {
    run();
    const names = Array.from({ length: 60 }, (_, i) => (i === 37 ? 'poison' : `n${i}`));
    let position = startPosition;
    for (const [i, name] of names.entries()) ({ position } = await add([name], `cart:p${i}`));
    await caughtUp(position);
    const counted = await db.admin('select count(*)::int as carts, sum(items)::int as items from shop.carts');
    expect(counted.rows).toEqual([{ carts: 59, items: 59 }]);
    expect((await listParked(db.system)).map((event) => event.streamId)).toEqual(['cart:p37']);
  });
});

describe('a fault of the moment', () => {
  it('parks nothing: the same events are applied when it is over', async () => {
    const errors: Error[] = [];
    let faults = 0;
    const unlucky: Projection = {
      ...carts,
      apply: async (query, events) => {
        // A lock that is not given.
        if (faults++ < 2) {
          await query.query(`set local lock_timeout = 30`);
          await query.query('select pg_advisory_xact_lock(7)');
        }
        await carts.apply(query, events);
      },
    };
    const locker = await connected(db.systemUrl);
    await locker.query('select pg_advisory_lock(7)');
    run(unlucky, { onError: (error) => errors.push(error) });
    const { position } = await add(['a'], 'cart:a');
    await caughtUp(position);
    await locker.end();
    expect(errors).toHaveLength(2);
    expect(await items()).toEqual({ 'cart:a': 1 });
    expect(await listParked(db.system)).toEqual([]);
  });
});

describe('a projection that changed', () => {
  const rebuildOf = async (name = 'carts') =>
    (
      await db.admin('select version, rebuild_requested, rebuild from shop.projection_positions where name = $1', [
        name,
      ])
    ).rows[0];

  it('is rebuilt when its version is raised, and goes on from there', async () => {
    const one = run();
    await add(['a', 'b'], 'cart:a').then(({ position }) => caughtUp(position));
    await one.stop();
    const doubled: Projection = {
      ...carts,
      version: 2,
      apply: async (query, events) => {
        await carts.apply(query, events);
        await query.query('update carts set last_item = upper(last_item)');
      },
    };
    run(doubled);
    await waitFor(async () => (await rebuildOf())?.version === 2, { message: 'the rebuild' });
    expect((await db.admin('select last_item from shop.carts')).rows).toEqual([{ last_item: 'B' }]);
    expect((await rebuildOf()).rebuild).toMatchObject({ events: 2, differences: 2 });
    await add(['c'], 'cart:a', 2).then(({ position }) => caughtUp(position));
    expect((await db.admin('select items, last_item from shop.carts')).rows).toEqual([{ items: 3, last_item: 'C' }]);
  });

  it('is not rebuilt when it starts again unchanged', async () => {
    await run().stop();
    const before = run();
    await waitFor(async () => (await rebuildOf())?.rebuild_requested === false, { message: 'the first rebuild' });
    await add(['a'], 'cart:a').then(({ position }) => caughtUp(position));
    await before.stop();
    await db.admin(`update shop.projection_positions set rebuild = '{"marked": true}'`);
    run();
    await add(['b'], 'cart:a', 1).then(({ position }) => caughtUp(position));
    expect((await rebuildOf()).rebuild).toEqual({ marked: true });
  });

  it('is filled from the log when it is inline and new: events older than itself count', async () => {
    await add(['a', 'b'], 'cart:a');
    const inline = { ...carts, inline: true };
    run(inline);
    await waitFor(async () => (await rebuildOf())?.rebuild_requested === false, { message: 'the rebuild' });
    expect(await items()).toEqual({ 'cart:a': 2 });
    const store = new PostgresEventStore({ service, pool: db.request, inline: [asInline(inline, service)] });
    await store.append('cart:a', [itemAdded('c')], { expectedRevision: 2, context: contextOf() });
    expect(await items()).toEqual({ 'cart:a': 3 }); // at once: written with the event
  });

  it('is rebuilt when asked, while its runner goes on', async () => {
    run();
    await add(['a'], 'cart:a').then(({ position }) => caughtUp(position));
    await waitFor(async () => (await rebuildOf())?.rebuild_requested === false, { message: 'the first rebuild' });
    await db.admin(`update shop.carts set items = 99`);
    await db.admin(`update shop.projection_positions set rebuild_requested = true`);
    await waitFor(async () => (await rebuildOf()).rebuild_requested === false, { message: 'the rebuild' });
    expect((await rebuildOf()).rebuild).toMatchObject({ events: 1, differences: 2, parked: 0 });
    expect(await items()).toEqual({ 'cart:a': 1 });
    await add(['b'], 'cart:a', 1).then(({ position }) => caughtUp(position));
    expect(await items()).toEqual({ 'cart:a': 2 });
  });
});
