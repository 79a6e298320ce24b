import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { append, createLedgerDatabase, type LedgerDatabase, makeEvent } from '../ledger/ledger-database.fixture.js';
import { readHead } from '../ledger/ledger-head.js';
import { Sequencer } from '../ledger/sequencer.js';
import { EntryRecord } from './entry.entity.js';
import { type EntrySearch, type Place, searchEntries } from './search-entries.js';

let database: LedgerDatabase;
/** The superuser's: row-level security does not hold for it, so only the first wall is there. */
let source: DataSource;

beforeAll(async () => {
  database = await createLedgerDatabase();
  const sequencer = new Sequencer({
    verify: async (query) => ({ head: await readHead(query), last: undefined, isLastStored: false }),
  });
  const decided = (i: number) => ({
    subject: { type: 'user', id: 'u' },
    action: `a.${i % 10}`,
    resource: {},
    decision: true,
  });
  const events = Array.from({ length: 400 }, (_, i) => makeEvent(decided(i >> 1), 'decision.recorded'));
  await append(database.system, sequencer, events);
  const item = (id: string, n: number, decision: boolean) => ({
    subject: { type: 'user', id },
    action: `b.${n}`,
    resource: { type: 'secret', id: `${n}` },
    decision,
  });
  // Every other event is of the tenant `main`.
  const batches = [
    [item('ann', 0, true), item('ann', 1, false)],
    [item('ann', 2, true), item('bob', 3, false), item('bot', 4, true)],
    'not a list',
  ].flatMap((items) => [items, items].map((same) => makeEvent({ items: same }, 'decisions.recorded', 'bot')));
  await append(database.system, sequencer, batches);
  source = new DataSource({
    type: 'postgres',
    url: database.postgres.urlOf('ledger'),
    schema: 'audit',
    entities: [EntryRecord],
  });
  await source.initialize();
});
afterAll(async () => {
  await source?.destroy();
  await database?.stop();
});

const search = (changes: Partial<EntrySearch>) =>
  searchEntries(source.manager, { tenantId: 'main', filter: {}, order: 'newest', limit: 1_000, ...changes });

describe('a search', () => {
  it('asks for one tenant, even where the database would show all', async () => {
    const { entries, next } = await search({});
    expect(new Set(entries.map((entry) => entry.tenantId))).toEqual(new Set(['main']));
    expect(entries).toHaveLength(203);
    expect(next).toBeUndefined();
    expect((await search({ tenantId: 'nobody' })).entries).toEqual([]);
  });

  it.each(['newest', 'oldest'] as const)(
    'looks through a bounded number for a page, and finds all in the end, %s first',
    async (order) => {
      const found: number[] = [];
      const pages: number[] = [];
      let after: Place | undefined;
      do {
        const page = await search({ filter: { action: 'a.3' }, order, after, lookThrough: 15, limit: 2 });
        found.push(...page.entries.map((entry) => entry.index));
        pages.push(page.entries.length);
        after = page.next;
      } while (after);
      const all = await search({ filter: { action: 'a.3' }, order });
      expect(found).toEqual(all.entries.map((entry) => entry.index));
      expect(found).toHaveLength(20);
      expect(Math.max(...pages)).toBe(2);
      expect(pages.length).toBeGreaterThan(10);
    },
  );

  it('gives an empty page and goes on, where nothing in a stretch matches', async () => {
    const { entries, next } = await search({ filter: { action: 'none' }, lookThrough: 50 });
    expect(entries).toEqual([]);
    expect(next).toBeDefined();
  });

  it('leaves out what no checkpoint covers', async () => {
    const { entries } = await search({ below: 100 });
    expect(Math.max(...entries.map((entry) => entry.index))).toBeLessThan(100);
    expect(entries).toHaveLength(50);
  });
});

describe('a batch of decisions', () => {
  const found = async (filter: EntrySearch['filter']) =>
    (await search({ filter, order: 'oldest' })).entries.map(({ index }) => index);
  let [same, mixed, odd]: number[] = [];
  beforeAll(async () => {
    [same, mixed, odd] = await found({ type: 'decisions.recorded' });
  });

  it('is found by each of its subjects, once, and by whoever asked where it names nobody alone', async () => {
    expect(await found({ actor: ['ann'] })).toEqual([same, mixed]);
    expect(await found({ actor: ['bob'] })).toEqual([mixed]);
    expect(await found({ actor: ['bot'] })).toEqual([mixed, odd]);
    expect(await found({ actor: ['nobody', 'bob'] })).toEqual([mixed]);
  });

  it('is found by what one of its decisions says, all of it in the same one', async () => {
    expect(await found({ action: 'b.1' })).toEqual([same]);
    expect(await found({ action: 'b.3', decision: false, resource: ['secret/3'] })).toEqual([mixed]);
    expect(await found({ action: 'b.3', decision: true })).toEqual([]);
    expect(await found({ actor: ['bob'], action: 'b.3' })).toEqual([mixed]);
    expect(await found({ actor: ['bob'], action: 'b.2' })).toEqual([]);
    expect(await found({ actor: ['ann'], decision: true })).toEqual([same, mixed]);
  });

  it.each(['newest', 'oldest'] as const)('has its place among the others, %s first', async (order) => {
    const all = (await search({ filter: { actor: ['u', 'ann'] }, order })).entries.map(({ index }) => index);
    const paged: number[] = [];
    let after: Place | undefined;
    do {
      const page = await search({ filter: { actor: ['u', 'ann'] }, order, after, limit: 7 });
      paged.push(...page.entries.map(({ index }) => index));
      after = page.next;
    } while (after);
    expect(paged).toEqual(all);
    expect(all).toHaveLength(202);
  });
});
