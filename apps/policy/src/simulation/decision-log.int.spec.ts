import { parsePosition } from '@gatehouse/contracts';
import { GroupCommit, parseEnvelope, writeEvent } from '@gatehouse/event-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contextOf, type PolicyDatabase, startPolicyDatabase } from '../facts/policy-database.fixture.js';
import { pageLimits, positionBefore, readDecisionPage } from './decision-log.js';
import { decisionsOf } from './recorded-decision.js';
import { type ReplaySources, replayLog } from './replay-log.js';
import { factsOf, policyOf } from './simulation.fixture.js';

let database: PolicyDatabase;
let end: ReturnType<typeof parsePosition>;
const startedAt = Date.now();
const singles = pageLimits.events + 20;

const item = (n: number) => ({
  subject: { type: 'user', id: 'ann' },
  action: 'doc.read',
  resource: { type: 'doc', id: `d${n}` },
  decision: false,
  reason: 'no_grant',
  matched: [],
});
const at = { policy: 'v1', facts: '1.1' };
const single = (tenantId: string, n: number) =>
  writeEvent(
    { type: 'decision.recorded', version: 1, data: { ...item(n), ...at } },
    `decision:${tenantId}-${n}`,
    1,
    contextOf(tenantId, startedAt + n),
  );

beforeAll(async () => {
  database = await startPolicyDatabase();
  const commits = new GroupCommit({ service: 'policy', pool: database.system });
  for (let n = 0; n < singles; n += 1) {
    await Promise.all([commits.append(single('acme', n)), n % 100 === 0 && commits.append(single('other', n))]);
  }
  const batch = { ...at, items: [item(9_000), item(9_001)] };
  const events = [{ type: 'decisions.recorded', version: 1, data: batch }] as const;
  await commits.append(writeEvent(events[0], 'decision:batch', 1, contextOf('acme', startedAt + singles)));
  const { rows } = await database.admin(
    'select tx::text, seq::text from policy.events order by events.tx desc, events.seq desc limit 1',
  );
  end = parsePosition(`${rows[0].tx}.${rows[0].seq}`);
});
afterAll(() => database?.close());

/** Every decision of a tenant, page by page. */
async function readAll(tenantId: string) {
  const found: string[] = [];
  let [position, pages] = [{ tx: 0n, seq: 0n }, 0];
  for (;;) {
    const page = await readDecisionPage(database.system, tenantId, position, end);
    found.push(
      ...page.texts.flatMap((text) => decisionsOf(parseEnvelope(text)).map(({ request }) => request.resource.id)),
    );
    pages += 1;
    if (page.isLast) return { found, pages };
    position = page.position;
  }
}

describe('the log of decisions', () => {
  it('is read in pages, each decision once, in order, those of batches too', async () => {
    const { found, pages } = await readAll('acme');
    expect(found).toEqual([...Array.from({ length: singles }, (_, n) => `d${n}`), 'd9000', 'd9001']);
    expect(pages).toBeGreaterThan(2);
  });

  it("is one tenant's", async () => {
    expect((await readAll('other')).found).toEqual(['d0', 'd100', 'd200', 'd300', 'd400', 'd500']);
    expect((await readAll('nobody')).found).toEqual([]);
  });

  it('is entered by time', async () => {
    const { tx } = await positionBefore(database.system, startedAt, end);
    expect(tx < end.tx).toBe(true);
    expect(await positionBefore(database.system, Date.now() + 3_600_000, end)).toMatchObject({ tx: end.tx });
    expect(await positionBefore(database.system, Date.now() + 59_000 - 3_600_000, end)).toMatchObject({ tx });
  });

  it('is replayed between two times, and from the record of each decision', async () => {
    const sources: ReplaySources = {
      query: database.system,
      position: () => `${end.tx}.${end.seq}`,
      past: async () => () => ({ facts: factsOf(), nowMs: 0 }),
      version: async () => policyOf('v1'),
    };
    const running = { signal: new AbortController().signal, progress: { done: 0, total: 0 }, pause: () => undefined };
    const seen: string[] = [];
    const span = { tenantId: 'acme', organizations: [], fromMs: startedAt + 10, toMs: startedAt + 13 };
    await replayLog(sources, span, running, ({ request }) => seen.push(request.resource.id));
    expect(seen).toEqual(['d10', 'd11', 'd12']);
    expect(running.progress).toEqual({ done: 3, total: 3 });
  });
});
