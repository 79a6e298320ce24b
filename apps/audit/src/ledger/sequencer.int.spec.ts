import { inTransaction } from '@gatehouse/event-store';
import { hashLeaf, MerkleFrontier } from '@gatehouse/merkle';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { LedgerDamaged } from './ledger-damaged.js';
import { append, createLedgerDatabase, type LedgerDatabase, makeEvent, makeEvents } from './ledger-database.fixture.js';
import { readHead } from './ledger-head.js';
import { Sequencer } from './sequencer.js';

/** A ledger that never signed: nothing to compare with. */
const unsigned = {
  verify: async (query: Parameters<typeof readHead>[0]) => ({
    head: await readHead(query),
    last: undefined,
    isLastStored: false,
  }),
};

let database: LedgerDatabase;
let sequencer: Sequencer;

beforeAll(async () => {
  database = await createLedgerDatabase();
});
afterAll(async () => database?.stop());
beforeEach(async () => {
  await database.empty();
  sequencer = new Sequencer(unsigned);
});

interface Row {
  readonly idx: string;
  readonly envelope: string;
  readonly leaf_hash: Buffer;
}

/** Everything in the ledger, after checking that it is one: no hole, right leaves, right tree, all tiles. */
async function wholeLedger(): Promise<readonly Row[]> {
  const { rows } = await database.admin.query<Row>(
    'select idx::text, envelope, leaf_hash from audit.entries order by audit.entries.idx',
  );
  expect(rows.map((row) => Number(row.idx))).toEqual(rows.map((_, i) => i));
  const leaves = rows.map((row) => hashLeaf(Buffer.from(row.envelope)));
  expect(rows.map((row) => row.leaf_hash.toString('hex'))).toEqual(
    leaves.map((leaf) => Buffer.from(leaf).toString('hex')),
  );
  const { next, tiles } = MerkleFrontier.empty().extend(leaves);
  const head = await readHead(database.system);
  expect({ size: head.size, root: Buffer.from(head.root) }).toEqual({
    size: next.size,
    root: Buffer.from(next.root()),
  });
  const stored = await database.admin.query('select level, n::int, hashes, root from audit.tiles order by level, n');
  const expected = [...tiles].sort((a, b) => a.level - b.level || a.index - b.index);
  expect(stored.rows).toEqual(
    expected.map(({ level, index, hashes, root }) => ({
      level,
      n: index,
      hashes: Buffer.from(hashes),
      root: Buffer.from(root),
    })),
  );
  return rows;
}

describe('appending', () => {
  it.each([1, 7, 255, 256, 257, 5_000])(
    'gives %i events consecutive indexes, in any number of batches',
    async (count) => {
      const events = makeEvents(count);
      await append(database.system, sequencer, events.slice(0, 1));
      await append(database.system, sequencer, events.slice(1, 200));
      await append(database.system, sequencer, events.slice(200));
      const rows = await wholeLedger();
      expect(rows.map((row) => row.envelope)).toEqual(events.map((event) => event.text));
    },
  );

  it('goes on from the database after a restart', async () => {
    await append(database.system, sequencer, makeEvents(300));
    await append(database.system, new Sequencer(unsigned), makeEvents(300));
    expect(await wholeLedger()).toHaveLength(600);
  });

  it('takes any text: controls, quotes, separators, empty and long values', async () => {
    const odd = ['\u0000', '\u001e', '\u001f\n\t', `'"\\,{}`, '', '\u2028é', 'x'.repeat(9_000)];
    const events = odd.map((id) =>
      makeEvent(
        { subject: { type: id, id }, resource: { type: id, id }, action: id, decision: true },
        'decision.recorded',
        id,
      ),
    );
    for (const event of events) await append(database.system, sequencer, [event]);
    expect(await wholeLedger()).toHaveLength(odd.length);
    const { rows } = await database.admin.query('select actor_id, subject_id from audit.entries order by idx');
    expect(rows[0]).toEqual({ actor_id: '\ufffd', subject_id: '\ufffd' });
    expect(rows[4]).toEqual({ actor_id: '', subject_id: null });
  });

  it('takes a decision of an unexpected shape', async () => {
    const shapes = [{}, { subject: null }, { subject: 'x', resource: 7, decision: 'yes' }, { resource: { type: [] } }];
    await append(
      database.system,
      sequencer,
      shapes.map((data) => makeEvent(data, 'decision.recorded')),
    );
    expect(await wholeLedger()).toHaveLength(4);
  });

  it('refuses an event that stands in the ledger already', async () => {
    const event = makeEvent();
    await append(database.system, sequencer, [event]);
    await expect(append(database.system, sequencer, [makeEvent(), event])).rejects.toThrow('entries_event');
    await append(database.system, sequencer, [makeEvent()]);
    expect(await wholeLedger()).toHaveLength(2);
  });
});

describe('a transaction that does not commit', () => {
  it('leaves nothing, and the next batch takes its place', async () => {
    await append(database.system, sequencer, makeEvents(250));
    const refused = inTransaction(database.system, async (client) => {
      await sequencer.apply(client, makeEvents(20));
      throw new Error('the position could not be moved');
    });
    await expect(refused).rejects.toThrow('the position');
    await append(database.system, sequencer, makeEvents(20));
    expect(await wholeLedger()).toHaveLength(270);
  });

  it('is noticed although another sequencer has appended as many in its place', async () => {
    await append(database.system, sequencer, makeEvents(250));
    const refused = inTransaction(database.system, async (client) => {
      await sequencer.apply(client, makeEvents(20));
      throw new Error('the position could not be moved');
    });
    await expect(refused).rejects.toThrow('the position');
    await append(database.system, new Sequencer(unsigned), makeEvents(20));
    await append(database.system, sequencer, makeEvents(20));
    expect(await wholeLedger()).toHaveLength(290);
  });

  it('is noticed when the session ends before the commit is answered', async () => {
    await append(database.system, sequencer, makeEvents(10));
    const cut = inTransaction(database.system, async (client) => {
      await sequencer.apply(client, makeEvents(5));
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() pid');
      await database.admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    });
    await expect(cut).rejects.toThrow();
    await append(database.system, sequencer, makeEvents(5));
    expect(await wholeLedger()).toHaveLength(15);
  });
});

describe('two sequencers', () => {
  it('never give one index twice: the slower one inserts nothing and starts from the new head', async () => {
    const other = new Sequencer(unsigned);
    for (let round = 0; round < 5; round++) {
      await append(database.system, sequencer, makeEvents(30));
      await append(database.system, other, makeEvents(30));
    }
    expect(await wholeLedger()).toHaveLength(300);
  });

  it('race, and every batch that succeeded is there once', async () => {
    const other = new Sequencer(unsigned);
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => append(database.system, i % 2 ? other : sequencer, makeEvents(40))),
    );
    const stored = results.filter((result) => result.status === 'fulfilled').length;
    expect(stored).toBeGreaterThan(0);
    expect(await wholeLedger()).toHaveLength(stored * 40);
  });
});

describe('a damaged ledger', () => {
  it.each([
    ['another head', `update audit.ledger_head set root = sha256('x')`],
    ['a shorter head', 'update audit.ledger_head set size = size - 1'],
    ['a missing leaf at the edge', 'delete from audit.entries where idx = 299'],
    ['a changed leaf at the edge', `update audit.entries set leaf_hash = sha256('x') where idx = 299`],
    ['a missing tile', 'delete from audit.tiles'],
  ])('with %s is not extended', async (_name, tampering) => {
    await append(database.system, sequencer, makeEvents(300));
    await database.admin.query(tampering);
    const restarted = new Sequencer(unsigned);
    await expect(append(database.system, restarted, makeEvents(1))).rejects.toThrow(LedgerDamaged);
    expect(restarted.failure?.reason).toMatch(/tree|hole/);
  });
});
