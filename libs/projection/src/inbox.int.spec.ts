import type { ReceivedBatch } from '@gatehouse/bus';
import { formatPosition, type Position, startPosition } from '@gatehouse/contracts';
import { writeEvent } from '@gatehouse/event-store';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { Inbox, type InboxOptions } from './inbox.js';
import { listParked } from './parking.js';
import type { ProjectedEvent } from './projection.js';
import {
  contextOf,
  itemAdded,
  type ProjectionDatabase,
  startProjectionDatabase,
} from './projection-database.fixture.js';

let db: ProjectionDatabase;
beforeAll(async () => {
  db = await startProjectionDatabase();
  await db.admin('create table shop.effects (place bigint generated always as identity, name text not null)');
  await db.admin('grant select, insert, delete on shop.effects to gatehouse_shop_system');
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.clear();
  await db.admin('truncate shop.effects');
});

const at = (n: number): Position => ({ tx: BigInt(n), seq: 1n });
/** The events `from` to `to` of a log, each of a stream of its own unless `stream` is given. */
function batch(from: number, to: number, { source = 'depot', stream = '', prefix = 'n' } = {}): ReceivedBatch {
  const events = Array.from({ length: to - from + 1 }, (_, i) => {
    const n = from + i;
    const written = writeEvent(itemAdded(`${prefix}${n}`), `cart:${stream || n}`, 1, contextOf());
    return { position: at(n), text: written.text };
  });
  return { source, prev: from === 1 ? startPosition : at(from - 1), events, rewinds: 0 };
}

/** The effect cannot be repeated unnoticed: each event adds a row. */
async function addRows(client: Pick<pg.ClientBase, 'query'>, events: readonly ProjectedEvent[]): Promise<void> {
  for (const { envelope } of events) await client.query('insert into effects (name) values ($1)', [envelope.data.name]);
}

const inbox = (options: Partial<InboxOptions> = {}) =>
  new Inbox({
    consumer: 'ledger',
    sources: ['depot', 'desk'],
    pool: db.system,
    apply: addRows,
    parks: false,
    onGap: () => undefined,
    ...options,
  });
const effects = async (): Promise<string[]> =>
  (await db.admin('select name from shop.effects order by place')).rows.map((row) => row.name);
const position = async (source = 'depot', consumer = 'ledger'): Promise<string> => {
  const { rows } = await db.admin(
    `select tx::text || '.' || seq as position from shop.inbox_positions where source = $1 and consumer = $2`,
    [source, consumer],
  );
  return rows[0]?.position;
};
const namesTo = (n: number) => Array.from({ length: n }, (_, i) => `n${i + 1}`);

describe('Inbox', () => {
  it('applies events of several messages and sources once, and says that they are done', async () => {
    const box = inbox();
    expect(await box.handle([batch(1, 2), batch(1, 1, { source: 'desk', prefix: 'd' }), batch(3, 3)])).toEqual([
      ...[true, true, true],
    ]);
    expect(await effects()).toEqual(['n1', 'n2', 'd1', 'n3']);
    expect([await position(), await position('desk')]).toEqual([formatPosition(at(3)), formatPosition(at(1))]);
    expect(box.state).toMatchObject({ applied: 4, skipped: 0 });
    expect(box.state.positions.get('depot')).toEqual(at(3));
  });

  it('moves past events that do not concern it, also where a message holds no other', async () => {
    const box = inbox({ concerns: (text) => text.includes('"n2"') });
    expect(await box.handle([batch(1, 3)])).toEqual([true]);
    expect(await box.handle([batch(4, 5)])).toEqual([true]);
    expect([await effects(), await position()]).toEqual([['n2'], formatPosition(at(5))]);
    expect(box.state.applied).toBe(1);
  });

  it('skips duplicates and the old part of an overlap, also after a restart', async () => {
    await inbox().handle([batch(1, 3)]);
    const restarted = inbox();
    expect(await restarted.handle([batch(1, 3), batch(2, 5), batch(1, 6), batch(4, 4)])).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(await effects()).toEqual(namesTo(6));
    expect(restarted.state).toMatchObject({ applied: 3, skipped: 11 });
  });

  it('keeps consumers apart', async () => {
    await inbox().handle([batch(1, 2)]);
    await inbox({ consumer: 'other' }).handle([batch(1, 1)]);
    expect(await effects()).toEqual(['n1', 'n2', 'n1']);
    expect([await position(), await position('depot', 'other')]).toEqual(['2.1', '1.1']);
  });

  it('lets wait what is behind a gap, and has it published again after the time', async () => {
    let now = 0;
    const asked: [string, Position][] = [];
    const box = inbox({
      gapAfterMs: 100,
      now: () => now,
      onGap: async (source, have) => {
        asked.push([source, have]);
        return true;
      },
    });
    await box.handle([batch(1, 2)]);
    expect(await box.handle([batch(4, 4), batch(1, 1, { source: 'desk', prefix: 'd' })])).toEqual([false, true]);
    expect([box.gaps, asked]).toEqual([['depot'], []]);
    now = 100;
    await box.handle([batch(2, 2, { source: 'desk', prefix: 'd' })]);
    expect(asked).toEqual([]); // nothing waits in this call
    expect(await box.handle([batch(4, 4)])).toEqual([false]);
    expect(asked).toEqual([['depot', at(2)]]);
    await new Promise((resolve) => setImmediate(resolve));
    // What was published before the rewind comes again, and makes room for it.
    expect(await box.handle([batch(4, 4)])).toEqual([true]);
    expect(await box.handle([{ ...batch(3, 4), rewinds: 1 }])).toEqual([true]);
    expect(box.gaps).toEqual([]);
    expect(await effects()).toEqual(['n1', 'n2', 'd1', 'd2', 'n3', 'n4']);
  });

  it('leaves a source alone that it was not told of', async () => {
    expect(await inbox().handle([batch(1, 1, { source: 'vault' })])).toEqual([false]);
    expect(await effects()).toEqual([]);
  });

  it('shares a durable among replicas: however their calls race, every event counts once and in order', async () => {
    const [a, b, c] = [inbox(), inbox(), inbox()];
    const messages = Array.from({ length: 30 }, (_, i) => batch(i + 1, i + 1));
    let waiting = messages;
    for (let rounds = 0; waiting.length > 0 && rounds < 100; rounds++) {
      const done = new Set<ReceivedBatch>();
      // Each replica gets another selection, in another order, with overlap.
      const calls = [a, b, c].map(async (replica, r) => {
        const share = waiting.filter((_, i) => (i + rounds) % 3 !== r);
        if (r === 1) share.reverse();
        const answers = await replica.handle(share);
        for (const [i, message] of share.entries()) if (answers[i]) done.add(message);
      });
      await Promise.all(calls);
      waiting = waiting.filter((message) => !done.has(message));
    }
    expect(await effects()).toEqual(namesTo(30));
    expect([a, b, c].reduce((sum, replica) => sum + replica.state.applied, 0)).toBe(30);
  });

  it('goes on with the others when a message is damaged', async () => {
    const damaged = { ...batch(1, 1), events: [{ position: at(1), text: '{"data":' }] };
    const box = inbox();
    expect(await box.handle([damaged, batch(1, 1, { source: 'desk', prefix: 'd' })])).toEqual([false, true]);
    expect([await effects(), box.gaps]).toEqual([['d1'], ['depot']]);
  });
});

const backendOf = async (client: Pick<pg.ClientBase, 'query'>): Promise<number> =>
  (await client.query('select pg_backend_pid() as pid')).rows[0].pid;
const kill = (pid: number) => db.admin('select pg_terminate_backend($1)', [pid]);

describe('an Inbox that dies', () => {
  it('before the commit has done nothing: the message comes again and is applied once', async () => {
    let deaths = 0;
    const box = inbox({
      apply: async (client, events) => {
        await addRows(client, events);
        if (deaths++ === 0) await kill(await backendOf(client));
      },
    });
    await expect(box.handle([batch(1, 2)])).rejects.toThrow();
    expect([await effects(), await position()]).toEqual([[], undefined]);
    expect(await box.handle([batch(1, 2)])).toEqual([true]);
    expect(await effects()).toEqual(['n1', 'n2']);
  });

  it('after the commit, before anybody knows: the message comes again and is skipped', async () => {
    const pool = Object.assign(Object.create(db.system) as pg.Pool, {
      connect: async () => {
        const client = await db.system.connect();
        const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
        return Object.assign(client, {
          query: async (...args: unknown[]) => {
            const answer = await query(...args);
            if (args[0] !== 'commit') return answer;
            Object.assign(client, { query });
            throw new Error('Connection terminated unexpectedly');
          },
        });
      },
    });
    await expect(inbox({ pool }).handle([batch(1, 2)])).rejects.toThrow('terminated');
    expect(await position()).toBe('2.1');
    const box = inbox();
    expect(await box.handle([batch(1, 3)])).toEqual([true]);
    expect(await effects()).toEqual(['n1', 'n2', 'n3']);
  });
});

describe('an event that cannot be applied', () => {
  const failing = async (client: Pick<pg.ClientBase, 'query'>, events: readonly ProjectedEvent[]) => {
    await addRows(client, events);
    for (const { envelope } of events)
      if (String(envelope.data.name).endsWith('2')) await client.query('select $1::int', ['hunter2']);
  };

  it('stops a consumer that may leave nothing out: nothing of the call is stored', async () => {
    const box = inbox({ apply: failing });
    await expect(box.handle([batch(1, 3)])).rejects.toThrow();
    expect([await effects(), await position()]).toEqual([[], undefined]);
    expect(box.state.applied).toBe(0);
  });

  it('is parked by one that may, and the others are applied once', async () => {
    const counts: number[] = [];
    const box = inbox({ apply: failing, parks: true, onParked: (count) => counts.push(count) });
    expect(await box.handle([batch(1, 5)])).toEqual([true]);
    expect(await effects()).toEqual(['n1', 'n3', 'n4', 'n5']);
    expect([box.state.parked, counts, await position()]).toEqual([1, [1], '5.1']);
    const [parked] = await listParked(db.system);
    expect(parked).toMatchObject({
      projection: 'ledger',
      source: 'depot',
      streamId: 'cart:2',
      reason: 'SQLSTATE 22P02',
    });
  });

  it('parks later events of its stream with it, in this call and in later ones, but not those of another source', async () => {
    const box = inbox({ apply: failing, parks: true });
    await box.handle([batch(1, 3, { stream: 'one' })]);
    await box.handle([batch(4, 4, { stream: 'one' }), batch(1, 1, { source: 'desk', stream: 'one', prefix: 'd' })]);
    expect(await effects()).toEqual(['n1', 'd1']);
    expect((await listParked(db.system)).map((parked) => parked.reason)).toEqual([
      'SQLSTATE 22P02',
      'an earlier event of its stream is parked',
      'an earlier event of its stream is parked',
    ]);
  });

  it('is not parked when the commit does not come about: nor counted', async () => {
    const counts: number[] = [];
    let deaths = 0;
    const box = inbox({
      parks: true,
      onParked: (count) => counts.push(count),
      apply: async (client, events) => {
        if (deaths++ === 3) await kill(await backendOf(client));
        await failing(client, events);
      },
    });
    await expect(box.handle([batch(1, 5)])).rejects.toThrow();
    expect([counts, box.state.parked, await listParked(db.system), await effects()]).toEqual([[], 0, [], []]);
    expect(await box.handle([batch(1, 5)])).toEqual([true]);
    expect([counts, await effects()]).toEqual([[1], ['n1', 'n3', 'n4', 'n5']]);
  });
});
