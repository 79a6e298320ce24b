import { comparePositions, formatPosition, type Position, startPosition } from '@gatehouse/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { writeEvent } from '../write-event.js';
import { inTransaction } from './database.js';
import { connected, contextOf, type EventDatabase, service, startEventDatabase } from './event-database.fixture.js';
import { pause } from './exclusive.js';
import { insertAtRevision, readLog, readUpTo, readVisible } from './rows.js';

let db: EventDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  db = await startEventDatabase();
  pool = db.pool(db.systemUrl, 30);
});
afterAll(() => db.close());
beforeEach(() => db.admin(`truncate ${service}.events`));

let streams = 0;
async function write(client: Pick<pg.ClientBase, 'query'>, name: string, type = 'cart.opened'): Promise<Position> {
  const event = writeEvent({ type, version: 1, data: { name } }, `cart:${streams++}`, 1, contextOf());
  const position = await insertAtRevision(client as pg.PoolClient, [event], 0);
  if (!position) throw new Error('not written');
  return position;
}

interface Seen {
  readonly name: string;
  readonly position: Position;
}
/** A way to follow the log: each call answers what is new, and remembers where it was. */
type Follower = () => Promise<readonly Seen[]>;

const nameIn = (text: string) => (JSON.parse(text) as { data: { name: string } }).data.name;

function follow(limit = 7): Follower {
  let position = startPosition;
  return async () => {
    const page = await readLog(pool, position, { limit });
    expect(comparePositions(page.position, position)).toBeGreaterThanOrEqual(0);
    position = page.position;
    return page.events.map((event) => ({ name: nameIn(event.text), position: event.position }));
  };
}

/** What everyone writes first: "greater than my position", by sequence number alone. */
function followNaively(limit = 7): Follower {
  let last = 0n;
  return async () => {
    const { rows } = await pool.query<{ tx: string; seq: string; envelope: string }>(
      'select tx::text, seq::text, envelope from events where seq > $1 order by seq limit $2',
      [String(last), limit],
    );
    last = BigInt(rows.at(-1)?.seq ?? last);
    return rows.map((row) => ({
      name: nameIn(row.envelope),
      position: { tx: BigInt(row.tx), seq: BigInt(row.seq) },
    }));
  };
}

/** Two transactions that overlap; the one that wrote first commits last, after the follower has looked. */
async function lateCommit(next: Follower): Promise<string[]> {
  const [early, late] = [await connected(db.systemUrl), await connected(db.systemUrl)];
  const seen: string[] = [];
  const look = async () => {
    for (const event of await next()) seen.push(event.name);
  };
  await late.query('begin');
  await write(late, 'late');
  await early.query('begin');
  await write(early, 'early');
  await early.query('commit');
  await look();
  await late.query('commit');
  await look();
  await look();
  await Promise.all([early.end(), late.end()]);
  return seen;
}

/** Writers that hold transactions open for a random short time, some of which roll back, while a follower looks. */
async function manyWriters(next: Follower): Promise<{ committed: Set<string>; seen: Seen[] }> {
  const committed = new Set<string>();
  const seen: Seen[] = [];
  let writing = 16;
  const writer = async (id: number) => {
    for (let i = 0; i < 15; i++) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const names = Array.from({ length: 1 + (i % 3) }, (_, n) => `${id}-${i}-${n}`);
        for (const name of names) {
          await pause(Math.random() * 4);
          await write(client, name);
        }
        await pause(Math.random() * 12);
        const keep = Math.random() < 0.85;
        await client.query(keep ? 'commit' : 'rollback');
        if (keep) for (const name of names) committed.add(name);
      } finally {
        client.release();
      }
    }
    writing--;
  };
  const writers = Promise.all(Array.from({ length: 16 }, (_, id) => writer(id)));
  let idle = false;
  while (!idle) {
    const ended = writing === 0;
    const events = await next();
    seen.push(...events);
    idle = ended && events.length === 0;
  }
  await writers;
  return { committed, seen };
}

describe('a reader of the log', () => {
  it('sees a row that commits after rows with higher numbers; the naive reader never does', async () => {
    expect(await lateCommit(follow())).toEqual(['late', 'early']);
    await db.admin(`truncate ${service}.events`);
    expect(await lateCommit(followNaively())).toEqual(['early']);
  });

  it('sees every committed event of many concurrent writers once, in the order of the log', async () => {
    const { committed, seen } = await manyWriters(follow());
    expect(seen.length).toBe(committed.size);
    expect(new Set(seen.map((event) => event.name))).toEqual(committed);
    for (let i = 1; i < seen.length; i++) {
      const [a, b] = [seen[i - 1], seen[i]];
      if (a && b) expect(comparePositions(a.position, b.position)).toBeLessThan(0);
    }
  });

  it('orders by transaction first: an older transaction may have written later', async () => {
    const [older, younger] = [await connected(db.systemUrl), await connected(db.systemUrl)];
    await older.query('begin');
    await older.query('select pg_current_xact_id()');
    await write(younger, 'first written');
    const next = follow();
    expect(await next()).toEqual([]);
    await write(older, 'second written');
    await older.query('commit');
    expect((await next()).map((event) => event.name)).toEqual(['second written', 'first written']);
    await Promise.all([older.end(), younger.end()]);
  });

  it('gives an event written under a savepoint the position of its whole transaction', async () => {
    const client = await connected(db.systemUrl);
    await client.query('begin');
    const outer = await write(client, 'outer');
    await client.query('savepoint s');
    const inner = await write(client, 'inner');
    await client.query('release savepoint s');
    await client.query('commit');
    await client.end();
    expect(inner).toEqual({ tx: outer.tx, seq: outer.seq + 1n });
    expect((await follow()()).map((event) => event.name)).toEqual(['outer', 'inner']);
  });
});

describe('a page', () => {
  const types = ['cart.opened'];

  it('is held while a wanted event stands behind a running transaction, and only then', async () => {
    const open = await connected(db.systemUrl);
    await open.query('begin');
    await write(open, 'open');
    expect(await readLog(pool, startPosition, { limit: 9 })).toEqual({
      events: [],
      position: startPosition,
      held: false,
    });
    await write(pool, 'closed', 'cart.closed');
    expect(await readLog(pool, startPosition, { limit: 9 })).toMatchObject({ events: [], held: true });
    expect(await readLog(pool, startPosition, { limit: 9, types })).toMatchObject({ events: [], held: false });
    await write(pool, 'behind');
    const held = await readLog(pool, startPosition, { limit: 9, types });
    expect(held).toEqual({ events: [], position: startPosition, held: true });
    await open.query('rollback');
    await open.end();
    const free = await readLog(pool, startPosition, { limit: 9, types });
    expect(free.events.map((event) => nameIn(event.text))).toEqual(['behind']);
    expect(free.held).toBe(false);
  });

  it('moves past events of other types, and stays where it is on an idle log', async () => {
    await write(pool, 'a', 'cart.closed');
    const last = await write(pool, 'b', 'cart.closed');
    const page = await readLog(pool, startPosition, { limit: 1, types });
    expect(page.events).toEqual([]);
    expect(comparePositions(page.position, last)).toBe(1);
    await db.admin('select pg_current_xact_id()');
    expect((await readLog(pool, page.position, { limit: 1, types })).position).toBe(page.position);
    const wanted = await write(pool, 'c');
    const next = await readLog(pool, page.position, { limit: 1, types });
    expect(next.events.map((event) => formatPosition(event.position))).toEqual([formatPosition(wanted)]);
    expect(next.position).toEqual(wanted);
  });

  it.each([undefined, types])('is never looked for through the whole log (types: %p)', async (only) => {
    // Much of another type, and no statistics: what every log is in its first minute under load.
    await db.admin(
      `insert into ${service}.events (id, tenant_id, stream_id, revision, type, envelope)
       select gen_random_uuid(), 'acme', 'many:' || n, 1, 'cart.closed', repeat('x', 1000) from generate_series(1, 5000) n`,
    );
    const end = await readLog(pool, startPosition, { limit: 9_999 });
    await write(pool, 'next');
    await inTransaction(pool, async (client) => {
      const page = await readLog(client, end.position, { limit: 9, ...(only && { types: only }) });
      expect(page.events.map((event) => nameIn(event.text))).toEqual(['next']);
      const { rows } = await client.query(`select seq_scan::int from pg_stat_xact_all_tables where relname = 'events'`);
      expect(rows).toEqual([{ seq_scan: 0 }]);
    });
  });

  it('is full at its limit, and its position is then its last event', async () => {
    const positions = [await write(pool, 'a'), await write(pool, 'b'), await write(pool, 'c')];
    const page = await readLog(pool, startPosition, { limit: 2 });
    expect([page.events.map((event) => event.position), page.position]).toEqual([positions.slice(0, 2), positions[1]]);
  });

  it('carries the text of the envelope as it was written', async () => {
    const event = writeEvent(
      { type: 'cart.opened', version: 1, data: { b: 'é\u001e\n€', a: 1e21 } },
      'cart:text',
      1,
      contextOf(),
    );
    await insertAtRevision(pool, [event], 0);
    const [read] = (await readLog(pool, startPosition, { limit: 1 })).events;
    expect(read).toMatchObject({ text: event.text, type: 'cart.opened', tenantId: 'acme', streamId: 'cart:text' });
  });
});

describe('a bounded reader', () => {
  it('reads up to a position, itself included; a visible one ignores the horizon', async () => {
    const [a, b] = [await write(pool, 'a'), await write(pool, 'b')];
    const open = await connected(db.systemUrl);
    await open.query('begin');
    await write(open, 'open');
    await write(pool, 'c');
    const names = (events: readonly { text: string }[]) => events.map((event) => nameIn(event.text));
    expect(names(await readUpTo(pool, startPosition, b, { limit: 9 }))).toEqual(['a', 'b']);
    expect(names(await readUpTo(pool, a, b, { limit: 9, types: ['cart.opened'] }))).toEqual(['b']);
    expect(names(await readVisible(pool, startPosition, { limit: 9 }))).toEqual(['a', 'b', 'c']);
    expect(names(await readVisible(pool, a, { limit: 1, types: ['cart.opened'] }))).toEqual(['b']);
    await open.end();
  });
});
