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
    expect(entries).toHaveLength(200);
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
