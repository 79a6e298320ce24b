import { randomUUID } from 'node:crypto';
import { writeEvent } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { append, createLedgerDatabase, type LedgerDatabase } from '../ledger/ledger-database.fixture.js';
import { readHead } from '../ledger/ledger-head.js';
import { Sequencer } from '../ledger/sequencer.js';
import { PersonalData1795312800090 } from '../migrations/1795312800090-personal-data.js';
import { type Answer, findEntries, type Question } from './find-entries.service.js';

const [ann, bob] = [randomUUID(), randomUUID()];
let database: LedgerDatabase;
let made = 0;

interface Happened {
  readonly type?: string;
  readonly tenantId?: string;
  readonly actor?: string;
  readonly stream?: string;
  readonly data?: object;
}

function event({ type = 'member.added', tenantId = 'acme', actor = bob, stream, data = {} }: Happened): ProjectedEvent {
  const { envelope, text } = writeEvent({ type, version: 1, data }, stream ?? `test:${++made}`, 1, {
    tenantId,
    actor: { type: 'user', id: actor },
    now: Date.now(),
    correlationId: '',
  });
  return { envelope, text, source: 'identity', position: { tx: 1n, seq: BigInt(++made) } };
}

const decision = (subject: string, actor: string): ProjectedEvent =>
  event({
    type: 'decision.recorded',
    actor,
    data: { subject: { type: 'user', id: subject }, action: 'a.b', resource: { type: 'x', id: 'y' }, decision: true },
  });

const batch = (subjects: readonly string[], actor: string): ProjectedEvent =>
  event({
    type: 'decisions.recorded',
    actor,
    data: {
      items: subjects.map((id) => ({ subject: { type: 'user', id }, action: 'a.b', resource: {}, decision: true })),
    },
  });

const ofAnn = [
  event({ actor: ann }),
  event({ actor: ann, stream: `user:${ann}` }),
  decision(ann, bob),
  decision(bob, ann),
  decision(ann, ann),
  event({ type: 'user.disabled', stream: `user:${ann}`, tenantId: 'home' }),
  batch([ann, ann], bob),
  batch([bob, ann], bob),
  batch([bob, ann], ann),
];
const ofOthers = [
  event({}),
  decision(bob, bob),
  event({ stream: `user:${bob}` }),
  batch([bob, randomUUID()], bob),
  event({ actor: ann, tenantId: 'foreign' }),
];

beforeAll(async () => {
  database = await createLedgerDatabase();
  await new PersonalData1795312800090().up({ query: (text: string) => database.admin.query(text) } as never);
  const sequencer = new Sequencer({
    verify: async (query) => ({ head: await readHead(query), last: undefined, isLastStored: false }),
  });
  const many = Array.from({ length: 600 }, () =>
    event({ actor: ann, tenantId: 'busy', data: { fill: 'x'.repeat(2_000) } }),
  );
  await append(database.system, sequencer, [...ofAnn, ...ofOthers, ...many]);
});
afterAll(() => database?.stop());

async function findAll(question: Question): Promise<{ ids: string[]; pages: Answer[] }> {
  const pages: Answer[] = [];
  for (let cursor: string | undefined, first = true; first || cursor; first = false) {
    const page = await findEntries(database.system, { ...question, cursor });
    pages.push(page);
    cursor = page.nextCursor;
  }
  const ids = pages.flatMap(({ items }) => items.map(({ record }) => (record.event as { id: string }).id));
  return { ids, pages };
}

describe('what the ledger holds on a person', () => {
  it('is every entry of her tenants in which she acts, is decided about or is changed, once', async () => {
    const { ids, pages } = await findAll({ userId: ann, tenantIds: ['acme', 'home'] });
    expect([...ids].sort()).toEqual(ofAnn.map(({ envelope }) => envelope.id).sort());
    expect(pages[0]?.total).toBe(ofAnn.length);
    expect(pages[0]?.items[0]).toMatchObject({ kind: 'ledger_entry', record: { index: 0, source: 'identity' } });
  });

  it('comes in pages that a message can carry, without a gap', async () => {
    const { ids, pages } = await findAll({ userId: ann, tenantIds: ['home', 'busy'] });
    expect(new Set(ids).size).toBe(601);
    for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(900_000);
  });

  it('is nothing for somebody unknown, or in no tenant', async () => {
    expect((await findAll({ userId: randomUUID(), tenantIds: ['acme'] })).ids).toEqual([]);
    expect((await findAll({ userId: ann, tenantIds: [] })).ids).toEqual([]);
  });

  it('tells where one event stands, of the person alone', async () => {
    const eventId = ofAnn[5]?.envelope.id ?? '';
    const found = await findEntries(database.system, { userId: ann, tenantIds: [], eventId });
    expect(found.items).toMatchObject([{ record: { index: 5, event: { id: eventId } } }]);
    expect((await findEntries(database.system, { userId: randomUUID(), tenantIds: [], eventId })).items).toEqual([]);
  });

  it('refuses a cursor that it did not give', async () => {
    const asked = findEntries(database.system, { userId: ann, tenantIds: ['acme'], cursor: '0 9 -infinity -1;' });
    await expect(asked).rejects.toMatchObject({ code: 'malformed' });
  });
});
