import { formatPosition, parsePosition } from '@gatehouse/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findOrigins } from '../src/history/grant-origins.js';
import { type PolicyStack, question, startPolicyStack, tenant, untilKnown } from './policy-stack.js';

let stack: PolicyStack;
let owner: string;
let developer: string;
let foreign: string;

beforeAll(async () => {
  stack = await startPolicyStack();
  owner = (await stack.identity.createKey(tenant, 'owner', ['owner'])).key;
  developer = (await stack.identity.createKey(tenant, 'developer', ['developer'])).key;
  foreign = (await stack.identity.createKey('other', 'foreign', ['owner'])).key;
  await untilKnown(stack, foreign);
});
afterAll(() => stack?.stop());

type Json = Record<string, unknown>;
const get = async (path: string, key = owner) => {
  const response = await stack.call(`/api/v1/policy/${path}`, { key });
  return { status: response.status, body: (await response.json()) as Json };
};
const grant = async (id: string, role: string, scope: string) => {
  const body = { subject: { type: 'user', id }, role, scope };
  return (await (await stack.call('/api/v1/policy/grants', { key: owner, body })).json()) as Json;
};
const revoke = async (grantId: unknown) =>
  (await (await stack.call(`/api/v1/policy/grants/${grantId}`, { key: owner, method: 'DELETE' })).json()) as Json;
const ask = async (asOf?: string, subject = 'user/ann') => {
  const body = { ...question(subject, 'secret.read', 'secret/prod/DB'), ...(asOf && { context: { as_of: asOf } }) };
  const response = await stack.call('/access/v1/evaluation', { key: owner, body });
  return { status: response.status, ...((await response.json()) as { decision?: boolean; code?: string }) };
};

describe('a question about the past', () => {
  it('is answered as it would have been then, and recorded with its moment', async () => {
    const before = '1.1';
    const { grantId, position } = await grant('ann', 'maintainer', 'secret/prod/DB');
    expect(await ask()).toMatchObject({ status: 200, decision: true });
    const ended = await revoke(grantId);
    expect(await ask()).toMatchObject({ status: 200, decision: false });
    expect(await ask(String(position))).toMatchObject({ status: 200, decision: true });
    expect(await ask(before)).toMatchObject({ status: 200, decision: false });
    expect(await ask(String(ended.position))).toMatchObject({ status: 200, decision: false });
    expect(await ask('2999-01-01')).toMatchObject({ status: 400, code: 'as_of_in_future' });
    expect(await ask('tomorrow')).toMatchObject({ status: 400, code: 'as_of_malformed' });
  });
});

describe('the history of grants', () => {
  it('names the events that made and ended each, as often as it was held', async () => {
    const { grantId } = await grant('bob', 'viewer', 'project/shop');
    await revoke(grantId);
    await grant('bob', 'viewer', 'project/shop');
    await grant('bob', 'developer', '*');
    const { status, body } = await get('grants/history?subject_type=user&subject_id=bob');
    expect(status).toBe(200);
    const grants = body.grants as { grantId: string; role: string; periods: { made: Json; ended?: Json }[] }[];
    expect(grants.map(({ role }) => role).sort()).toEqual(['developer', 'viewer']);
    const viewer = grants.find((each) => each.grantId === grantId);
    expect(viewer?.periods).toHaveLength(2);
    expect(viewer?.periods[0]).toMatchObject({
      made: { by: { type: 'service', id: 'owner' } },
      ended: { by: { id: 'owner' } },
    });
    expect(viewer?.periods[1]).not.toHaveProperty('ended');
    // Each event follows from a recorded decision.
    expect(viewer?.periods[0]?.made.cause).toMatch(/^[0-9a-f-]{36}$/);
    const onShop = await get('grants/history?resource=project/shop');
    expect(onShop.body.grants).toMatchObject([{ grantId, scope: 'project/shop', active: true }]);
    const pages = await get('grants/history?subject_type=user&subject_id=bob&limit=1');
    const rest = await get(`grants/history?subject_type=user&subject_id=bob&limit=1&cursor=${pages.body.nextCursor}`);
    expect([...(pages.body.grants as Json[]), ...(rest.body.grants as Json[])].map((each) => each.grantId)).toEqual(
      grants.map((each) => each.grantId),
    );
  });

  it('is for those who may read roles, of their own tenant, and asks for a subject or a resource', async () => {
    await grant('cid', 'viewer', 'project/mine');
    expect((await get('grants/history?resource=project/mine', developer)).status).toBe(403);
    expect((await get('grants/history?resource=project/mine', foreign)).body.grants).toEqual([]);
    for (const query of [
      '',
      '?subject_type=user',
      '?subject_id=cid',
      '?resource=',
      '?resource=a%20b/',
      '?limit=1000&resource=a/b',
    ])
      expect([query, (await get(`grants/history${query}`)).status]).toEqual([query, 400]);
  });

  it('tells the origin of a grant and of ownership as of a position, in its tenant only', async () => {
    const { request } = stack.service.platform.database;
    const first = await grant('dan', 'viewer', 'project/origin');
    await revoke(first.grantId);
    const again = await grant('dan', 'viewer', 'project/origin');
    const described = (await (
      await stack.call('/api/v1/policy/entities', {
        key: owner,
        method: 'PUT',
        body: { entity: 'secret/a/b', owner: 'user/dan' },
      })
    ).json()) as Json;
    const ids = [String(first.grantId), 'owner:secret/a/b', 'unknown'];
    const at = (position: unknown, of = tenant) => findOrigins(request, of, ids, parsePosition(String(position)));
    expect((await at(described.position)).get(ids[0] ?? '')).toMatchObject({
      position: again.position,
      by: { id: 'owner' },
    });
    expect((await at(described.position)).get('owner:secret/a/b')).toMatchObject({ position: described.position });
    expect([...(await at(first.position)).entries()]).toMatchObject([[ids[0], { position: first.position }]]);
    expect((await at(described.position, 'other')).size).toBe(0);
  });
});

describe('what identity wrote', () => {
  it('can be waited for, and then read by whatever replica', async () => {
    const written = await stack.identity.publish(tenant, 'member.added', {
      userId: 'eve',
      role: 'maintainer',
      via: 'invitation',
    });
    const { body } = await get(`position?identity=${formatPosition(written)}&wait_ms=5000`);
    expect(body).toMatchObject({ reached: true, identity: formatPosition(written) });
    expect(await ask(String(body.position), 'user/eve')).toMatchObject({ decision: true });
    const never = await get('position?identity=99999999.1&wait_ms=0');
    expect(never.body).toMatchObject({ reached: false });
    expect((await get('position?identity=x')).status).toBe(400);
  });
});
