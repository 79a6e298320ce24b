import { compile, type FactChange, FactHistory, LiveFacts, type PolicyDocument } from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import { describe, expect, it } from '@jest/globals';
import type { PastMoments } from '../decision/outcome.js';
import type { GuardedFacts } from '../facts/guarded-facts.js';
import { InvalidPageToken, Searches } from './search.service.js';
import { parseSearch } from './search-request.js';

const tenant = 'acme';
const pepper = Buffer.alloc(32, 7);
const turns = { isOver: () => false, next: async () => undefined };
const grantOf = (id: string) => ({ id, subject: { type: 'user', id }, role: 'viewer', scope: '*' }) as const;
const grant = (id: string): FactChange => ({ kind: 'granted', grant: grantOf(id) });
const revoke = (grantId: string): FactChange => ({ kind: 'revoked', grantId });

/** Facts that move on, with their past, as Searches sees them. Positions are steps. */
function world(document?: PolicyDocument) {
  const policy = compile({ digest: 'sha256:x', ...(document && { document }) });
  const live = new LiveFacts();
  const history = new FactHistory(tenant);
  let step = 0;
  let reads = 0;
  let nowMs = Date.parse('2026-11-22T09:00:00Z');
  const moment = { policy, mode: 'strict' as const };
  const past: PastMoments = async (_tenantId, asOf) => {
    reads += 1;
    if (!/^\d+$/.test(asOf)) throw new ProblemError('not_found');
    return { ...moment, facts: history.at(Number(asOf)), position: asOf, nowMs: 0, asOf };
  };
  const searches = (reachable = past) =>
    new Searches({
      facts: { live: live as GuardedFacts },
      decisions: { now: (id, nowMs) => ({ ...moment, facts: live.tenant(id), position: String(step), nowMs }) },
      past: reachable,
      origins: { explain: async () => [] },
      pepper,
      now: () => nowMs,
    });
  const one = searches();
  return {
    apply: (change: FactChange, of = tenant) => {
      step += 1;
      live.apply(of, change);
      if (of === tenant) history.apply(step, change);
    },
    searches,
    reads: () => reads,
    setTime: (time: string) => {
      nowMs = Date.parse(time);
    },
    async ask(page: object, context?: object, by = one) {
      const body = { subject: { type: 'user' }, action: { name: 'logs.read' }, resource: { type: 'a', id: 'b' }, page };
      const parsed = parseSearch('subject', { ...body, ...(context && { context }) });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
      const answer = await by.search(tenant, parsed.value, turns);
      return { ...answer, ids: answer.results.map(({ id }) => id), token: answer.page.next_token };
    },
  };
}

describe('the pages of a search', () => {
  it('are of one moment, although facts change in between', async () => {
    const { apply, ask, reads } = world();
    for (const id of ['a', 'c', 'e', 'g']) apply(grant(id));
    const first = await ask({ limit: 2 });
    apply(grant('d'));
    apply(revoke('e'));
    const second = await ask({ token: first.token });
    expect([first.ids, second.ids]).toEqual([
      ['a', 'c'],
      ['e', 'g'],
    ]);
    expect([second.evidence.facts, second.page.total, second.asOf, reads()]).toEqual([
      first.evidence.facts,
      4,
      undefined,
      1,
    ]);
    expect((await ask({})).ids).toEqual(['a', 'c', 'd', 'g']);
  });

  it('read nothing of the past while the tenant is unchanged, whatever others do', async () => {
    const { apply, ask, reads } = world();
    for (const id of ['a', 'b', 'c']) apply(grant(id));
    const first = await ask({ limit: 2 });
    apply(grant('x'), 'other');
    expect((await ask({ token: first.token })).ids).toEqual(['c']);
    expect(reads()).toBe(0);
  });

  it('are of the same moment in another process', async () => {
    const { apply, ask, searches, reads } = world();
    for (const id of ['a', 'b', 'c']) apply(grant(id));
    const first = await ask({ limit: 2 });
    expect((await ask({ token: first.token }, undefined, searches())).ids).toEqual(['c']);
    expect(reads()).toBe(1);
  });

  it('go on from now where the past is out of reach, and say so', async () => {
    const { apply, ask, searches } = world();
    const forgetful = searches(() => Promise.reject(new ProblemError('unavailable')));
    for (const id of ['a', 'b', 'c', 'd']) apply(grant(id));
    const first = await ask({ limit: 2 }, undefined, forgetful);
    apply(revoke('c'));
    const second = await ask({ token: first.token }, undefined, forgetful);
    expect(second.ids).toEqual(['d']);
    expect(second.evidence.facts).not.toBe(first.evidence.facts);
  });

  it('evaluate time as it was on the first', async () => {
    const when = { 'time.now': { lt: '2026-11-22T12:00:00Z' } };
    const rule = { id: 'r', type: 'selector', effect: 'permit', who: { anyone: true }, when } as const;
    const { apply, ask, setTime } = world({ rules: [rule] });
    for (const id of ['a', 'b']) apply({ kind: 'granted', grant: { ...grantOf(id), role: 'unknown' } });
    setTime('2026-11-22T11:59:00Z');
    const first = await ask({ limit: 1 });
    setTime('2026-11-22T12:01:00Z');
    expect((await ask({ token: first.token })).ids).toEqual(['b']);
    expect((await ask({})).ids).toEqual([]);
    setTime('2026-11-22T12:59:01Z');
    await expect(ask({ token: first.token })).rejects.toThrow(InvalidPageToken);
  });
});

describe('a search of the past', () => {
  it('answers who could then, on every page', async () => {
    const { apply, ask } = world();
    for (const id of ['a', 'b', 'c']) apply(grant(id));
    apply(revoke('a'));
    apply(grant('d'));
    const first = await ask({ limit: 2 }, { as_of: '3' });
    const second = await ask({ token: first.token }, { as_of: '3' });
    expect([...first.ids, ...second.ids]).toEqual(['a', 'b', 'c']);
    expect([first.asOf, first.evidence.facts]).toEqual(['3', '3']);
    await expect(ask({ token: first.token }, { as_of: '4' })).rejects.toThrow(InvalidPageToken);
    await expect(ask({ token: first.token })).rejects.toThrow(InvalidPageToken);
  });

  it('is refused as the past refuses it', async () => {
    const { ask } = world();
    await expect(ask({}, { as_of: 'yesterday' })).rejects.toMatchObject({ status: 404 });
    expect(
      parseSearch('action', {
        subject: { type: 'a', id: 'b' },
        resource: { type: 'a', id: 'b' },
        context: { as_of: 7 },
      }),
    ).toEqual({
      ok: false,
      errors: [{ path: 'context.as_of', message: 'must be text' }],
    });
  });
});

describe('what is found', () => {
  const obliged: PolicyDocument = {
    rules: [{ id: 'step', type: 'obligation', on: 'permit', who: { users: ['b'] }, obligation: { type: 'step-up' } }],
  };

  it('carries the obligations of an evaluation, but for the past', async () => {
    const { apply, ask } = world(obliged);
    for (const id of ['a', 'b']) apply(grant(id));
    const { results } = await ask({});
    expect(results).toEqual([
      { type: 'user', id: 'a' },
      { type: 'user', id: 'b', context: { obligations: [{ id: 'step', type: 'step-up' }] } },
    ]);
    expect((await ask({}, { as_of: '2' })).results[1]).toEqual({ type: 'user', id: 'b' });
  });
});
