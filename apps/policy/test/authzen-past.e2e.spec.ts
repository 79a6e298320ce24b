import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';
import { activatePolicy } from './scenario.fixture.js';

interface Origin {
  readonly id: string;
  readonly type: string;
  readonly position: string;
  readonly actor: { readonly id: string };
}
interface Answer {
  readonly page: { readonly next_token: string; readonly total?: number };
  readonly context: {
    readonly evidence: { readonly facts: string };
    readonly as_of?: string;
    readonly position?: string;
  };
  readonly results: readonly {
    readonly id: string;
    readonly context?: { readonly because: readonly { readonly grant?: string; readonly events: readonly Origin[] }[] };
  }[];
}

let stack: PolicyStack;
let operator: string;
let maintainer: string;
let developer: string;
let stranger: string;

const reads = { action: { name: 'logs.read' }, resource: { type: 'runtime', id: 'app-web' } };
const whoReads = { subject: { type: 'user' }, ...reads };
const post = (body: unknown, key = operator) => stack.call('/access/v1/search/subject', { key, body });
const search = async (body: unknown, key = operator): Promise<Answer> => {
  const response = await post(body, key);
  const text = await response.text();
  expect([response.status, response.ok ? '' : text]).toEqual([200, '']);
  return JSON.parse(text) as Answer;
};
const ids = ({ results }: Answer) => results.map(({ id }) => id);
const grant = async (id: string, key = operator, role = 'viewer', type = 'user') => {
  const response = await stack.call('/api/v1/policy/grants', { key, body: { subject: { type, id }, role } });
  expect(response.status).toBe(201);
  return ((await response.json()) as { grantId: string }).grantId;
};
const revoke = async (grantId: string) => {
  const response = await stack.call(`/api/v1/policy/grants/${grantId}`, { key: operator, method: 'DELETE' });
  expect(response.status).toBe(200);
};
const events = async (): Promise<{ id: string; type: string; tenantId: string }[]> => {
  const client = new pg.Client({ connectionString: stack.adminUrl });
  await client.connect();
  const { rows } = await client.query('select envelope from policy.events order by tx, seq');
  await client.end();
  return rows.map(({ envelope }) => JSON.parse(envelope));
};

beforeAll(async () => {
  stack = await startPolicyStack();
  const keyOf = async (of: string, name: string, role: string) => {
    const { key } = await stack.identity.createKey(of, name, [role]);
    await untilKnown(stack, key);
    return key;
  };
  operator = await keyOf(tenant, 'operator', 'owner');
  maintainer = await keyOf(tenant, 'maintainer', 'maintainer');
  developer = await keyOf(tenant, 'developer', 'developer');
  stranger = await keyOf('other', 'stranger', 'owner');
});
afterAll(async () => stack.stop());

describe('the pages of a search', () => {
  it('are of one moment, though facts change in between and another replica may answer', async () => {
    const grants = new Map<string, string>();
    for (const id of ['ann', 'ben', 'dan', 'eve']) grants.set(id, await grant(id));
    const first = await search({ ...whoReads, page: { limit: 2 } });
    await grant('cat');
    await revoke(String(grants.get('dan')));
    await waitFor(async () => ids(await search(whoReads)).join() === 'ann,ben,cat,eve', { message: 'facts changed' });
    const second = await search({ ...whoReads, page: { token: first.page.next_token } });
    expect([ids(first), ids(second)]).toEqual([
      ['ann', 'ben'],
      ['dan', 'eve'],
    ]);
    expect(second.context.evidence.facts).toBe(first.context.evidence.facts);
    expect(second.page.total).toBe(4);
  });
});

describe('a search of the past', () => {
  it('answers who could then, by position and by time', async () => {
    const grantId = await grant('fay');
    await waitFor(async () => ids(await search(whoReads)).includes('fay'), { message: 'fay may' });
    const then = await search(whoReads);
    const atTime = new Date().toISOString();
    await revoke(grantId);
    await waitFor(async () => !ids(await search(whoReads)).includes('fay'), { message: 'fay may not' });
    for (const as_of of [then.context.evidence.facts, atTime]) {
      const answer = await search({ ...whoReads, context: { as_of } });
      expect(ids(answer)).toEqual(ids(then));
      expect(answer.context.as_of).toBe(as_of);
      expect(answer.context.position).toMatch(/^\d+\.\d+$/);
    }
    const before = await search({ ...whoReads, context: { as_of: '2020-01-01T00:00:00Z' } });
    expect(before.results).toEqual([]);
  });

  it('was decided by the policy of then', async () => {
    const before = (await search(whoReads)).context.evidence.facts;
    const rule = { id: 'nobody', type: 'selector', effect: 'forbid', who: { users: ['ann'] }, actions: ['logs.read'] };
    await activatePolicy(stack, operator, { title: 'Not ann', rules: [rule] });
    expect(ids(await search(whoReads))).not.toContain('ann');
    expect(ids(await search({ ...whoReads, context: { as_of: before } }))).toContain('ann');
  });

  it.each([
    ['yesterday', 400],
    ['', 400],
    ['2999-01-01T00:00:00Z', 400],
    ['99999999999.1', 400],
    [7, 400],
    [null, 400],
  ])('is refused for %j', async (as_of, status) => {
    expect((await post({ ...whoReads, context: { as_of } })).status).toBe(status);
  });

  it('shows another tenant nothing, though positions are of one log', async () => {
    const { facts } = (await search(whoReads)).context.evidence;
    expect(ids(await search({ ...whoReads, context: { as_of: facts } }, stranger))).toEqual([]);
  });
});

describe('an explanation', () => {
  const explain = { ...whoReads, context: { explain: true } };
  const because = (answer: Answer, id: string) => answer.results.find((each) => each.id === id)?.context?.because ?? [];

  it('names the grant, and the event that made it, which is in the log', async () => {
    const grantId = await grant('gus');
    await waitFor(async () => ids(await search(whoReads)).includes('gus'), { message: 'gus may' });
    const [reason, ...others] = because(await search(explain), 'gus');
    expect(others).toEqual([]);
    expect(reason).toMatchObject({ effect: 'permit', role: 'viewer', grant: grantId, scope: '*' });
    const [event] = reason?.events ?? [];
    expect(event).toMatchObject({ type: 'role.granted', actor: { type: 'service', id: 'operator' } });
    expect((await events()).find(({ id }) => id === event?.id)).toMatchObject({ tenantId: tenant, data: { grantId } });
  });

  it('names how somebody came to what a group holds', async () => {
    const userId = '0190a1b2-0000-7000-8000-00000000a001';
    const grantId = await grant('web', operator, 'viewer', 'team');
    await stack.identity.publish(tenant, 'team.member_added', { userId, teamId: 'web' });
    await waitFor(async () => ids(await search(whoReads)).includes(userId), { message: 'the member may' });
    const [reason] = because(await search(explain), userId);
    expect(reason).toMatchObject({ grant: grantId, holder: { type: 'team', id: 'web' } });
    expect(reason?.events.map(({ type }) => type)).toEqual(['role.granted', 'group.joined']);
  });

  it('names the description that made an owner, and the activation of a rule', async () => {
    const entity = { type: 'runtime', id: 'app-web' };
    const described = await stack.call('/api/v1/policy/entities', {
      key: operator,
      method: 'PUT',
      body: { entity, owner: { type: 'user', id: 'own' } },
    });
    expect(described.status).toBeLessThan(300);
    const rule = { id: 'open', type: 'selector', effect: 'permit', who: { users: ['own'] }, actions: ['logs.read'] };
    await activatePolicy(stack, operator, { title: 'Open', rules: [rule] });
    const reasons = because(await search(explain), 'own');
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toMatchObject({ role: 'owner', grant: 'owner:runtime/app-web', scope: 'runtime/app-web' });
    expect(reasons[0]?.events.map(({ type }) => type)).toEqual(['entity.described']);
    expect(reasons[1]).toMatchObject({ policy: 'open' });
    expect(reasons[1]?.events.map(({ type }) => type)).toEqual(['policy.activated']);
  });

  it('is of the moment that is asked about: the grant as it was made before, not as it was made again', async () => {
    const grantId = await grant('hal');
    await waitFor(async () => ids(await search(whoReads)).includes('hal'), { message: 'hal may' });
    const then = await search(explain);
    await revoke(grantId);
    await waitFor(async () => !ids(await search(whoReads)).includes('hal'), { message: 'hal may not' });
    expect(await grant('hal')).toBe(grantId);
    await waitFor(async () => ids(await search(whoReads)).includes('hal'), { message: 'hal may again' });
    const eventOf = (answer: Answer) => because(answer, 'hal')[0]?.events[0]?.id;
    const now = await search(explain);
    const past = await search({ ...whoReads, context: { explain: true, as_of: then.context.evidence.facts } });
    expect(eventOf(past)).toBe(eventOf(then));
    expect(eventOf(now)).not.toBe(eventOf(then));
  });

  it('is for who may list grants: a maintainer and not a developer', async () => {
    expect((await post(explain, maintainer)).status).toBe(200);
    expect((await post(whoReads, developer)).status).toBe(200);
    expect((await post(explain, developer)).status).toBe(403);
    expect((await post({ ...whoReads, context: { explain: 'yes' } })).status).toBe(400);
  });

  it('is not given where nobody asks', async () => {
    expect((await search({ ...whoReads, context: { explain: false } })).results[0]).not.toHaveProperty('context');
  });
});
