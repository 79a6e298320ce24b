import { comparePositions, startPosition } from '@gatehouse/contracts';
import { GroupCommit, PostgresEventStore, readLog, writeEvent } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { applyOrPark, listParked } from './parking.js';
import { loadPosition, savePosition } from './positions.js';
import { asInline, type Projection, toProjected } from './projection.js';
import {
  carts,
  connected,
  contextOf,
  itemAdded,
  type ProjectionDatabase,
  service,
  startProjectionDatabase,
} from './projection-database.fixture.js';
import { rebuild } from './rebuild.js';

let db: ProjectionDatabase;
let client: pg.Client;
beforeAll(async () => {
  db = await startProjectionDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.clear();
  client = await connected(db.systemUrl);
  await client.query(`insert into projection_positions (name, version) values ('carts', 1)`);
});
afterEach(() => client.end());

const inline: Projection = { ...carts, inline: true };
const store = () => new PostgresEventStore({ service, pool: db.request, inline: [asInline(inline, service)] });
const rowsOf = async (schema = 'shop') => ({
  carts: (await db.admin(`select * from ${schema}.carts order by 1, 2`)).rows,
  counts: (await db.admin(`select * from ${schema}.item_counts order by 1, 2`)).rows,
});

/** Does what the runner does, once. */
async function step(limit = 1_000): Promise<void> {
  await client.query('begin');
  const position = await loadPosition(client, 'carts');
  const page = await readLog(client, position, { limit, types: carts.types });
  await applyOrPark(
    client,
    'carts',
    carts.apply,
    page.events.map((event) => toProjected(service, event)),
  );
  await savePosition(client, 'carts', page.position);
  await client.query('commit');
}

async function shop(writes: number, to = store(), writers = 4): Promise<void> {
  const revisions = new Map<string, number>();
  await Promise.all(
    Array.from({ length: writers }, async (_, w) => {
      for (let i = 0; i < writes; i++) {
        const stream = `cart:w${w}-${i % 3}`;
        const expectedRevision = revisions.get(stream) ?? 0;
        const { revision } = await to.append(stream, [itemAdded(`n${i % 5}`), itemAdded(`m${i % 2}`)], {
          expectedRevision,
          context: contextOf(w % 2 ? 'acme' : 'other'),
        });
        revisions.set(stream, revision);
      }
    }),
  );
}

describe('rebuild', () => {
  it('of an inline projection equals the live rows: no difference', async () => {
    await shop(15);
    const before = await rowsOf();
    const report = await rebuild(client, service, inline);
    expect(report).toMatchObject({ events: 120, parked: 0, differences: 0 });
    expect(await rowsOf()).toEqual(before);
    expect(before.carts).toHaveLength(12);
  });

  it('of a runner’s projection is compared at the runner’s position, and leaves it there', async () => {
    await shop(10, db.store);
    await step(30);
    const [before, position] = [await rowsOf(), await loadPosition(client, 'carts')];
    const report = await rebuild(client, service, carts);
    expect(report).toMatchObject({ events: 30, differences: 0 });
    expect(await rowsOf()).toEqual(before);
    expect(await loadPosition(client, 'carts')).toEqual(position);
    await step();
    const all = await rowsOf();
    expect((await rebuild(client, service, carts)).differences).toBe(0);
    expect(await rowsOf()).toEqual(all);
  });

  it('finds what was changed, added and removed by hand, and mends it', async () => {
    await shop(5);
    const before = await rowsOf();
    await db.admin(`update shop.carts set items = items + 1 where id = 'cart:w0-0'`);
    await db.admin(`insert into shop.carts values ('acme', 'cart:forged', 1, 'x')`);
    await db.admin(`delete from shop.item_counts where name = 'm0' and tenant_id = 'acme'`);
    expect((await rebuild(client, service, inline)).differences).toBe(2 + 1 + 1);
    expect(await rowsOf()).toEqual(before);
    expect((await rebuild(client, service, inline)).differences).toBe(0);
  });

  it('counts rows that stand there twice', async () => {
    await db.admin(
      'create table shop.notes (tenant_id text, name text); grant all on shop.notes to gatehouse_shop_system',
    );
    const notes: Projection = {
      ...carts,
      ...{ name: 'notes', tables: ['notes'], inline: true },
      apply: async (query, events) => {
        for (const { envelope } of events)
          await query.query('insert into notes values ($1, $2)', [envelope.tenantId, envelope.data.name]);
      },
    };
    await db.store.append('cart:a', [itemAdded('same'), itemAdded('same')], {
      expectedRevision: 0,
      context: contextOf(),
    });
    await db.admin(`insert into shop.notes values ('acme', 'same')`);
    expect((await rebuild(client, service, notes)).differences).toBe(1);
    expect((await db.admin('select * from shop.notes')).rows).toHaveLength(2);
  });

  it('while others write loses nothing and doubles nothing: what is inline stays right throughout', async () => {
    const writing = shop(25, store(), 6);
    const reports = [];
    for (let i = 0; i < 4; i++) reports.push(await rebuild(client, service, inline));
    await writing;
    reports.push(await rebuild(client, service, inline));
    expect(reports.map((report) => report.differences)).toEqual([0, 0, 0, 0, 0]);
    expect(reports.at(-1)?.events).toBe(6 * 25 * 2);
    const { rows } = await db.admin('select sum(items)::int as items from shop.carts');
    expect(rows).toEqual([{ items: 6 * 25 * 2 }]);
  });

  it('counts an event whose transaction was still running when the fold had passed it', async () => {
    const writer = await connected(db.requestUrl);
    await writer.query(`begin; select set_config('gatehouse.tenant', 'acme', true)`);
    const { envelope, text } = writeEvent(itemAdded('late'), 'cart:late', 1, contextOf());
    await writer.query(
      `insert into events (id, tenant_id, stream_id, revision, type, envelope) values ($1, 'acme', 'cart:late', 1, $2, $3)`,
      [envelope.id, envelope.type, text],
    );
    await asInline(inline, service).apply(writer as never, envelope);
    await shop(1, store(), 1);
    const rebuilding = rebuild(client, service, inline);
    // It has folded all it may see and waits for the writer, who holds the rows.
    await waitFor(
      async () =>
        (await db.admin(`select 1 from pg_locks where not granted and mode = 'ShareRowExclusiveLock'`)).rows.length > 0,
      { message: 'the lock' },
    );
    await writer.query('commit');
    await writer.end();
    expect(await rebuilding).toMatchObject({ events: 3, differences: 0 });
    expect((await rowsOf()).carts).toHaveLength(2);
  });

  it('never moves a runner past an event that is still uncommitted', async () => {
    const writer = await connected(db.systemUrl);
    await writer.query('begin');
    const { envelope, text } = writeEvent(itemAdded('late'), 'cart:late', 1, contextOf());
    await writer.query(
      `insert into events (id, tenant_id, stream_id, revision, type, envelope) values ($1, 'acme', 'cart:late', 1, $2, $3)`,
      [envelope.id, envelope.type, text],
    );
    await db.store.append('cart:early', [itemAdded('early')], { expectedRevision: 0, context: contextOf() });
    await rebuild(client, service, carts);
    await writer.query('commit');
    await writer.end();
    await step();
    expect((await rowsOf()).carts.map((row) => row.id)).toEqual(['cart:early', 'cart:late']);
  });
});

describe('a rebuild that dies', () => {
  it.each([
    ['while it folds', (text: string) => text.startsWith('set local search_path')],
    ['before its commit', (text: string) => text.startsWith('insert into shop.item_counts')],
  ])('%s leaves the live rows and the parked events as they were, and the next one works', async (_, when) => {
    await shop(3);
    await db.store.append('cart:bad', [itemAdded('poison')], { expectedRevision: 0, context: contextOf() });
    await rebuild(client, service, inline);
    const [before, parked] = [await rowsOf(), await listParked(db.system)];
    expect(parked).toHaveLength(1);
    await db.admin(`update shop.carts set items = 0`);
    const fragile = await connected(db.systemUrl);
    const query = fragile.query.bind(fragile) as (...args: unknown[]) => Promise<unknown>;
    const dying = Object.assign(Object.create(fragile) as pg.Client, {
      query: async (...args: unknown[]) => {
        if (typeof args[0] === 'string' && when(args[0]))
          await db.admin('select pg_terminate_backend($1)', [
            (await fragile.query('select pg_backend_pid() as pid').catch(() => ({ rows: [{ pid: 0 }] }))).rows[0].pid,
          ]);
        return query(...args);
      },
    });
    await expect(rebuild(dying, service, inline)).rejects.toThrow();
    expect((await rowsOf()).carts.every((row) => row.items === 0)).toBe(true);
    expect(await listParked(db.system)).toEqual(parked);
    expect((await rebuild(client, service, inline)).differences).toBe(before.carts.length * 2);
    expect(await rowsOf()).toEqual(before);
    expect((await listParked(db.system)).map((event) => event.eventId)).toEqual(parked.map((event) => event.eventId));
  });

  it('by a failing statement keeps them too', async () => {
    await shop(2);
    const before = await rowsOf();
    const broken: Projection = { ...inline, tables: ['carts', 'item_counts', 'nowhere'] };
    await expect(rebuild(client, service, broken)).rejects.toThrow(/nowhere/);
    expect(await rowsOf()).toEqual(before);
    expect((await rebuild(client, service, inline)).differences).toBe(0);
  });
});

describe('parked events', () => {
  it('are tried again by a rebuild: those that can be applied now are parked no longer', async () => {
    await db.store.append('cart:a', [itemAdded('poison'), itemAdded('b')], {
      expectedRevision: 0,
      context: contextOf(),
    });
    await db.store.append('cart:c', [itemAdded('c')], { expectedRevision: 0, context: contextOf() });
    await step();
    expect(await listParked(db.system)).toHaveLength(2);
    const before = await rowsOf();
    expect(await rebuild(client, service, carts)).toMatchObject({ events: 3, parked: 2, differences: 0 });
    expect([await rowsOf(), (await listParked(db.system)).length]).toEqual([before, 2]);
    const mended: Projection = {
      ...carts,
      apply: (query, events) =>
        carts.apply(
          query,
          events.map((event) => ({
            ...event,
            envelope: {
              ...event.envelope,
              data: { name: String(event.envelope.data.name).replace('poison', 'cured') },
            },
          })),
        ),
    };
    expect(await rebuild(client, service, mended)).toMatchObject({ events: 3, parked: 0, differences: 3 });
    expect(await listParked(db.system)).toEqual([]);
    expect((await rowsOf()).carts).toHaveLength(2);
  });
});

/** Everyday 20,000; the bench's figure is `REBUILD_EVENTS=200000`. */
const size = Number(process.env.REBUILD_EVENTS ?? 20_000);

describe(`${size} events`, () => {
  it('are folded into an identical table', async () => {
    // One statement for many events: what a projection of high-rate events looks like.
    const totals: Projection = {
      ...carts,
      apply: async (query, events) => {
        const texts = JSON.stringify(
          events.map(({ envelope }) => [envelope.tenantId, envelope.streamId, envelope.data.name]),
        );
        await query.query(
          `insert into carts as c select e ->> 0, e ->> 1, count(*), max(e ->> 2) from json_array_elements($1::json) e group by 1, 2
           on conflict (tenant_id, id) do update set items = c.items + excluded.items, last_item = excluded.last_item`,
          [texts],
        );
        await query.query(
          `insert into item_counts as c select e ->> 0, e ->> 2, count(*) from json_array_elements($1::json) e group by 1, 2
           on conflict (tenant_id, name) do update set n = c.n + excluded.n`,
          [texts],
        );
      },
    };
    const commits = new GroupCommit({
      service,
      pool: db.system,
      maxQueue: size + 1,
      maxQueueChars: size * 1_000,
      maxWaitMs: 120_000,
    });
    const written = Array.from({ length: size }, (_, i) =>
      writeEvent(itemAdded(`n${i % 1_000}`), `cart:${i}`, 1, contextOf(`t${i % 7}`)),
    );
    await Promise.all(written.map((event) => commits.append(event)));
    for (let position = startPosition; ; ) {
      const page = await readLog(client, position, { limit: 1_000, types: totals.types });
      await client.query('begin');
      await totals.apply(
        client,
        page.events.map((event) => toProjected(service, event)),
      );
      await savePosition(client, 'carts', page.position);
      await client.query('commit');
      if (page.events.length < 1_000) break;
      position = page.position;
    }
    expect(comparePositions(await loadPosition(client, 'carts'), startPosition)).toBe(1);
    const report = await rebuild(client, service, totals);
    expect(report).toMatchObject({ events: size, parked: 0, differences: 0 });
    const { rows } = await db.admin('select count(*)::int as carts, sum(items)::int as items from shop.carts');
    expect(rows).toEqual([{ carts: size, items: size }]);
    if (process.env.REBUILD_EVENTS)
      process.stdout.write(
        `rebuild: ${size} events in ${report.durationMs} ms, ${Math.round((size / report.durationMs) * 1_000)} events/s\n`,
      );
  });
});
