import { generateKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';

let stack: PolicyStack;
let owner: string;
let admin: string;
let developer: string;
let foreign: string;

beforeAll(async () => {
  stack = await startPolicyStack();
  const make = async (of: string, name: string, role: string) => (await stack.identity.createKey(of, name, [role])).key;
  owner = await make(tenant, 'owner', 'owner');
  admin = await make(tenant, 'admin', 'admin');
  developer = await make(tenant, 'developer', 'developer');
  foreign = await make('other', 'foreign', 'owner');
  await untilKnown(stack, foreign);
});
afterAll(() => stack?.stop());

type Json = Record<string, unknown>;
async function send(key: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await stack.call(`/api/v1/policy/${path}`, {
    key,
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  return { status: response.status, body: (await response.json()) as Json };
}
const put = (key: string, entity: string, more: Json = {}, headers = {}) =>
  send(key, 'PUT', 'entities', { entity, ...more }, headers);
const grant = async (subject: string, role: string, scope: string, key = owner) => {
  const [type, id] = subject.split('/');
  return (await send(key, 'POST', 'grants', { subject: { type, id }, role, scope })).status;
};
const may = async (key: string, subject: string, action: string, resource: string) =>
  ((await (await stack.ask(key, subject, action, resource)).json()) as { decision: boolean }).decision;

describe('an entity', () => {
  it('is described, read back, described anew and forgotten', async () => {
    const description = { labels: { tier: 'gold' }, properties: { size: 3 }, parents: ['project/shop'] };
    const made = await put(admin, 'secret/prod/A', description);
    expect(made).toMatchObject({
      status: 200,
      body: {
        entity: { type: 'secret', id: 'prod/A' },
        ...description,
        parents: [{ type: 'project', id: 'shop' }],
        revision: 1,
      },
    });
    expect(made.body.position).toMatch(/^\d+\.\d+$/);
    const listed = await send(admin, 'GET', 'entities?type=secret&id=prod/A');
    expect(listed.body).toMatchObject({ entities: [{ labels: { tier: 'gold' }, revision: 1 }], nextCursor: null });
    // Nothing new: nothing is written.
    expect((await put(admin, 'secret/prod/A', description)).body).not.toHaveProperty('position');
    expect((await put(admin, 'secret/prod/A', { labels: {} })).body).toMatchObject({
      labels: {},
      parents: [],
      revision: 2,
    });
    const forgotten = await send(admin, 'POST', 'entities/forget', { entity: { type: 'secret', id: 'prod/A' } });
    expect(forgotten).toMatchObject({ status: 200, body: { forgotten: true, revision: 3 } });
    expect((await send(admin, 'GET', 'entities?type=secret&id=prod/A')).body.entities).toEqual([]);
  });

  it('counts at once for decisions: below a container, and for its owner', async () => {
    expect(await grant('user/ann', 'maintainer', 'project/below')).toBe(201);
    await put(owner, 'secret/below/X', { parents: ['project/below'], owner: 'user/bob' });
    expect(await may(owner, 'user/ann', 'secret.write', 'secret/below/X')).toBe(true);
    expect(await may(owner, 'user/bob', 'secret.delete', 'secret/below/X')).toBe(true);
    expect(await may(owner, 'user/bob', 'secret.delete', 'secret/below/Y')).toBe(false);
    await send(owner, 'POST', 'entities/forget', { entity: 'secret/below/X' });
    expect(await may(owner, 'user/ann', 'secret.write', 'secret/below/X')).toBe(false);
    expect(await may(owner, 'user/bob', 'secret.delete', 'secret/below/X')).toBe(false);
  });

  it('is written once for one Idempotency-Key, and not over another’s change', async () => {
    const headers = { 'idempotency-key': 'describe-once-1' };
    const first = await put(admin, 'ticket/1', { labels: { a: '1' } }, headers);
    await put(admin, 'ticket/1', { labels: { a: '2' } });
    expect(await put(admin, 'ticket/1', { labels: { a: '1' } }, headers)).toEqual(first);
    expect((await send(admin, 'GET', 'entities?type=ticket&id=1')).body.entities).toMatchObject([
      { labels: { a: '2' } },
    ]);
    expect(await put(admin, 'ticket/2', {}, headers)).toMatchObject({
      status: 409,
      body: { code: 'idempotency_key_reused' },
    });
    const stale = await put(admin, 'ticket/1', { labels: {} }, { 'if-match': '"1"' });
    expect(stale).toMatchObject({ status: 412, body: { code: 'stale_revision' } });
    expect((await put(admin, 'ticket/1', { labels: {} }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await put(admin, 'ticket/new', {}, { 'if-match': '"0"' })).status).toBe(200);
    expect((await put(admin, 'ticket/new', { labels: { a: 'b' } }, { 'if-match': '"0"' })).status).toBe(412);
  });

  it('is listed page by page, in the order of names', async () => {
    const ids = ['b', 'a', 'B', 'ä', '10', '9', 'a/b', '😀'];
    await send(admin, 'POST', 'facts', {
      changes: ids.map((id) => ({ change: 'describe', entity: { type: 'page', id } })),
    });
    const seen: string[] = [];
    for (let cursor: unknown = ''; cursor !== null; ) {
      const query = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await send(admin, 'GET', `entities?type=page&limit=3${query}`);
      seen.push(...(body.entities as { entity: { id: string } }[]).map(({ entity }) => entity.id));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['10', '9', 'B', 'a', 'a/b', 'b', 'ä', '😀']);
    expect((await send(admin, 'GET', 'entities?cursor=WyJ4Il0')).status).toBe(400);
  });
});

describe('a relationship', () => {
  it('is made, listed and ended', async () => {
    const relationship = { subject: 'user/ann', relation: 'assignee', resource: 'ticket/7' };
    expect(await send(admin, 'POST', 'relationships', relationship)).toMatchObject({
      status: 200,
      body: { active: true, revision: 1 },
    });
    const list = async (query: string) => (await send(admin, 'GET', `relationships?${query}`)).body.relationships;
    const [made] = (await list('subject_type=user&subject_id=ann')) as Json[];
    expect(made).toMatchObject({
      relation: 'assignee',
      resource: { type: 'ticket', id: '7' },
      madeBy: { id: 'admin' },
    });
    expect(await list('resource_type=ticket&resource_id=8')).toEqual([]);
    expect((await send(admin, 'POST', 'relationships/end', relationship)).body).toMatchObject({
      active: false,
      revision: 2,
    });
    expect(await list('relation=assignee')).toEqual([]);
  });
});

describe('many changes', () => {
  const changes = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, i) => ({
      change: 'describe',
      entity: `bulk/${prefix}${i}`,
      labels: { n: `${i}` },
    }));

  it('are one transaction and one decision, and repeated they are nothing', async () => {
    const headers = { 'idempotency-key': 'bulk-000001' };
    const done = await send(admin, 'POST', 'facts', { changes: changes(500, 'x') }, headers);
    expect(done).toMatchObject({ status: 200, body: { changes: 500, changed: 500 } });
    expect(await send(admin, 'POST', 'facts', { changes: changes(500, 'x') }, headers)).toEqual(done);
    expect((await send(admin, 'POST', 'facts', { changes: changes(3, 'other') }, headers)).status).toBe(409);
    const again = await send(admin, 'POST', 'facts', { changes: changes(500, 'x') });
    expect(again.body).toEqual({ changes: 500, changed: 0 });
    const client = new pg.Client({ connectionString: stack.adminUrl });
    await client.connect();
    const { rows } = await client.query(
      `select count(distinct tx)::int as transactions, count(distinct envelope::jsonb ->> 'causationId')::int as decisions
       from policy.events where type = 'entity.described' and envelope like '%"bulk"%'`,
    );
    await client.end();
    expect(rows).toEqual([{ transactions: 1, decisions: 1 }]);
  });

  it('are all refused when one is', async () => {
    const bad = [...changes(5, 'bad'), { change: 'describe', entity: 'bulk/bad5', labels: { k: generateKey('mas_') } }];
    const refused = await send(admin, 'POST', 'facts', { changes: bad });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'body.changes.5.labels.k' }] } });
    const above = [...changes(5, 'bad'), { change: 'describe', entity: 'bulk/bad5', owner: 'service/admin' }];
    expect((await send(admin, 'POST', 'facts', { changes: above })).status).toBe(403);
    expect((await send(admin, 'GET', 'entities?type=bulk&id=bad0')).body.entities).toEqual([]);
    expect((await send(admin, 'POST', 'facts', { changes: changes(501, 'y') })).status).toBe(400);
    expect((await send(admin, 'POST', 'facts', { changes: [] })).status).toBe(400);
  });

  it('of the same things by several callers at once all succeed', async () => {
    const one = changes(40, 'race');
    const answers = await Promise.all(
      [one, [...one].reverse(), one, [...one].reverse()].map((list, i) =>
        send(admin, 'POST', 'facts', { changes: list.map((each) => ({ ...each, labels: { by: `${i}` } })) }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});

describe('who would reach further by facts', () => {
  it('may not without the right, nor another tenant', async () => {
    for (const [method, path, body] of [
      ['PUT', 'entities', { entity: 'a/b' }],
      ['POST', 'entities/forget', { entity: 'a/b' }],
      ['POST', 'relationships', { subject: 'user/a', relation: 'r', resource: 'a/b' }],
      ['POST', 'relationships/end', { subject: 'user/a', relation: 'r', resource: 'a/b' }],
      ['POST', 'facts', { changes: [{ change: 'forget', entity: 'a/b' }] }],
      ['GET', 'entities', undefined],
      ['GET', 'relationships', undefined],
    ] as const)
      expect([path, (await send(developer, method, path, body)).status]).toEqual([path, 403]);
    await put(owner, 'secret/mine', { labels: { a: 'b' }, owner: 'user/ann' });
    expect((await send(foreign, 'GET', 'entities')).body.entities).toEqual([]);
    // Of the same name, and another thing: nothing of it is read or changed.
    await send(foreign, 'POST', 'entities/forget', { entity: 'secret/mine' });
    await put(foreign, 'secret/mine', { owner: 'service/foreign' });
    expect(await may(owner, 'user/ann', 'secret.read', 'secret/mine')).toBe(true);
    expect(await may(owner, 'service/foreign', 'secret.read', 'secret/mine')).toBe(false);
  });

  it('does not become owner by describing something with himself as owner', async () => {
    expect(await put(admin, 'secret/taken', { owner: 'service/admin' })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect((await put(admin, 'secret/taken', { owner: 'user/friend' })).status).toBe(403);
    expect((await put(owner, 'secret/taken', { owner: 'user/friend' })).status).toBe(200);
    // What is so already is nothing that he gives.
    expect((await put(admin, 'secret/taken', { owner: 'user/friend', labels: { a: 'b' } })).status).toBe(200);
    // The tenant itself as owner gives nobody anything.
    expect((await put(admin, 'secret/org-owned', { owner: `org/${tenant}` })).status).toBe(200);
  });

  it('does not put something into a container where more is held than he holds', async () => {
    expect(await grant('user/boss', 'owner', 'project/theirs')).toBe(201);
    expect((await put(admin, 'secret/moved', { parents: ['project/theirs'] })).status).toBe(403);
    // Nor through a container of the container, also one that only this request makes.
    expect((await put(owner, 'folder/inner', { parents: ['project/theirs'] })).status).toBe(200);
    expect((await put(admin, 'secret/moved', { parents: ['folder/inner'] })).status).toBe(403);
    await put(owner, 'folder/owned', { owner: 'user/boss' });
    const both = [
      { change: 'describe', entity: 'secret/moved', parents: ['folder/new'] },
      { change: 'describe', entity: 'folder/new', parents: ['folder/owned'] },
    ];
    expect((await send(admin, 'POST', 'facts', { changes: both })).status).toBe(403);
    expect(await grant('user/dev', 'developer', 'project/low')).toBe(201);
    expect((await put(admin, 'secret/moved', { parents: ['project/low'] })).status).toBe(200);
    expect(await may(owner, 'user/boss', 'secret.read', 'secret/moved')).toBe(false);
  });

  it('makes no circle of containers', async () => {
    expect((await put(owner, 'folder/a', { parents: ['folder/a'] })).status).toBe(400);
    expect((await put(owner, 'folder/a', { parents: ['folder/b'] })).status).toBe(200);
    expect((await put(owner, 'folder/b', { parents: ['folder/c'] })).status).toBe(200);
    expect((await put(owner, 'folder/c', { parents: ['folder/a'] })).status).toBe(400);
    const circle = ['x', 'y', 'z'].map((id, i, all) => ({
      change: 'describe',
      entity: `folder/${id}`,
      parents: [`folder/${all[(i + 1) % 3]}`],
    }));
    expect((await send(owner, 'POST', 'facts', { changes: circle })).status).toBe(400);
  });

  it('gives Gatehouse’s own resources neither owner nor container', async () => {
    for (const entity of [`tenant/${tenant}`, 'role/owner', 'policy/active', 'service/policy', 'user/ann']) {
      expect([entity, (await put(owner, entity, { owner: 'service/owner' })).status]).toEqual([entity, 400]);
      expect([entity, (await put(owner, entity, { parents: ['project/shop'] })).status]).toEqual([entity, 400]);
    }
    expect((await put(admin, 'user/ann', { labels: { team: 'web' } })).status).toBe(200);
  });

  it('leaves no key and no address in what is recorded for ever', async () => {
    const key = generateKey('mas_');
    for (const more of [{ labels: { a: key } }, { properties: { a: { b: [key] } } }, { properties: { [key]: 1 } }])
      expect((await put(admin, 'ticket/9', more)).status).toBe(400);
    const stored = await put(admin, 'mailbox/ann@example.org', { properties: { to: 'bob@example.org' } });
    expect(stored.status).toBe(200);
    expect(JSON.stringify(stored.body)).not.toMatch(/ann@|bob@/);
    expect((await send(admin, 'GET', 'entities?type=mailbox&id=ann@example.org')).body.entities).toHaveLength(1);
    await put(admin, `ticket/${key}`);
    const client = new pg.Client({ connectionString: stack.adminUrl });
    await client.connect();
    const { rows } = await client.query(
      `select count(*)::int as n from policy.events where envelope like '%ann@%' or envelope like '%bob@%' or envelope like $1`,
      [`%${key}%`],
    );
    await client.end();
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('sends nothing too large or too deep', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as Json;
    for (const more of [
      { properties: { a: 'x'.repeat(8_192) } },
      { properties: deep },
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) },
      { parents: Array.from({ length: 17 }, (_, i) => `folder/${i}`) },
      { owner: { type: 'user', id: 'x'.repeat(257) } },
      { entity: { type: 'a/b', id: 'c' } },
      { labels: { a: 'b\0' } },
      { properties: { a: '\ud800' } },
      { unknown: 1 },
    ])
      expect([Object.keys(more), (await put(owner, 'folder/big', more)).status]).toEqual([Object.keys(more), 400]);
    await waitFor(async () => (await stack.call('/readyz')).status === 200, { message: 'still ready' });
  });
});
