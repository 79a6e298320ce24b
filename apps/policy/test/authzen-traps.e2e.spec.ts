import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';
import { askRaw } from './raw-http.fixture.js';

interface Answer {
  readonly page: { readonly next_token: string; readonly count: number; readonly total?: number };
  readonly context: { readonly id: string; readonly evidence: { readonly facts: string; readonly policy: string } };
  readonly results: { readonly type?: string; readonly id?: string; readonly name?: string }[];
}

let stack: PolicyStack;
let operator: string;
let stranger: string;

const reads = { action: { name: 'logs.read' }, resource: { type: 'runtime', id: 'app-web' } };
const whoReads = { subject: { type: 'user' }, ...reads };
const users = ['ann', 'ben', 'cat', 'dan', 'eve'];

const post = (kind: string, body: unknown, key = operator, headers = {}) =>
  stack.call(`/access/v1/search/${kind}`, { key, body, headers });
const search = async (kind: string, body: unknown, key = operator): Promise<Answer> => {
  const response = await post(kind, body, key);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
};
const ids = (answer: Answer) => answer.results.map(({ id, name }) => id ?? name);
const grant = async (id: string, role: string, key = operator, scope = '*') => {
  const body = { subject: { type: 'user', id }, role, scope };
  const response = await stack.call('/api/v1/policy/grants', { key, body });
  expect(response.status).toBe(201);
  return ((await response.json()) as { grantId: string }).grantId;
};

beforeAll(async () => {
  stack = await startPolicyStack();
  operator = (await stack.identity.createKey(tenant, 'operator', ['owner'])).key;
  stranger = (await stack.identity.createKey('other', 'stranger', ['owner'])).key;
  await untilKnown(stack, operator);
  await untilKnown(stack, stranger);
  for (const id of users) await grant(id, 'viewer');
  await grant('their-own', 'viewer', stranger);
  await grant('ann', 'owner', stranger);
});
afterAll(async () => stack.stop());

describe('a search', () => {
  it('answers the page first, and says what it was answered from', async () => {
    const response = await post('subject', whoReads);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const text = await response.text();
    expect(text.startsWith('{"page":{"next_token":"","count":5,"total":5}')).toBe(true);
    const { results, context } = JSON.parse(text) as Answer;
    expect(results).toEqual(users.map((id) => ({ type: 'user', id })));
    expect(context.evidence.policy).toMatch(/^sha256:/);
  });

  it('is one recorded decision: that the caller may search', async () => {
    const { context } = await search('subject', whoReads);
    const client = new pg.Client({ connectionString: stack.adminUrl });
    await client.connect();
    const { rows } = await client.query('select envelope from policy.events');
    await client.end();
    const events = rows.map(({ envelope }) => JSON.parse(envelope));
    expect(events.find((event) => event.id === context.id)).toMatchObject({
      type: 'decision.recorded',
      data: { action: 'decision.search', subject: { type: 'service', id: 'operator' }, decision: true },
    });
  });

  it('is for who may search: 401 without credentials, 403 for a viewer, and it is recorded', async () => {
    expect((await stack.call('/access/v1/search/subject', { body: whoReads })).status).toBe(401);
    const { key } = await stack.identity.createKey(tenant, 'reader', ['viewer']);
    await untilKnown(stack, key, 403);
    expect((await post('subject', whoReads, key)).status).toBe(403);
    const { key: developer } = await stack.identity.createKey(tenant, 'developer', ['developer']);
    await untilKnown(stack, developer);
    expect((await post('subject', whoReads, developer)).status).toBe(200);
  });

  it('ignores the id of what is searched, and unknown members everywhere', async () => {
    const plain = await search('subject', whoReads);
    const more = { ...whoReads, subject: { type: 'user', id: 'ann', more: 1 }, more: { nested: true } };
    expect((await search('subject', more)).results).toEqual(plain.results);
    const { results } = await search('action', { subject: { type: 'user', id: 'ann' }, ...reads, action: { name: 7 } });
    expect(results).toContainEqual({ name: 'logs.read' });
  });

  it.each([
    ['subject', { ...whoReads, subject: { type: 'spaceship' } }],
    ['subject', { ...whoReads, action: { name: 'fly' } }],
    ['resource', { subject: { type: 'user', id: 'nobody' }, ...reads }],
    [
      'resource',
      { subject: { type: 'user', id: 'ann' }, action: { name: 'logs.read' }, resource: { type: 'spaceship' } },
    ],
    ['action', { subject: { type: 'user', id: 'nobody' }, resource: reads.resource }],
  ])('for a %s of what nobody knows finds nothing: %j', async (kind, body) => {
    const { results, page } = await search(kind, body);
    expect([results, page]).toEqual([[], { next_token: '', count: 0, total: 0 }]);
  });

  it.each([
    ['subject', { ...whoReads, subject: undefined }, 'body.subject'],
    ['subject', { ...whoReads, subject: 'user' }, 'body.subject'],
    ['subject', { ...whoReads, subject: {} }, 'body.subject.type'],
    ['subject', { ...whoReads, action: undefined }, 'body.action'],
    ['subject', { ...whoReads, action: { name: 123 } }, 'body.action.name'],
    ['subject', { ...whoReads, resource: { type: 'runtime' } }, 'body.resource.id'],
    ['subject', { ...whoReads, resource: { ...reads.resource, properties: [] } }, 'body.resource.properties'],
    ['subject', { ...whoReads, context: 'now' }, 'body.context'],
    ['resource', { ...reads, subject: { type: 'user' } }, 'body.subject.id'],
    ['resource', { ...reads, subject: { type: 'user', id: 'ann' }, resource: 'runtime' }, 'body.resource'],
    ['action', { subject: { type: 'user', id: 'ann' } }, 'body.resource'],
    ['action', { subject: { type: 'user', id: 'ann' }, resource: { type: 'runtime' } }, 'body.resource.id'],
    ['subject', [], 'body'],
  ])('for a %s answers 400 and says where: %j', async (kind, body, path) => {
    const response = await post(kind, body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    const { errors } = (await response.json()) as { errors: { path: string }[] };
    expect(errors.map((error) => error.path)).toContain(path);
  });

  it('refuses what is larger than its bounds', async () => {
    const wide = { ...whoReads, context: { text: 'x'.repeat(9_000) } };
    expect((await post('subject', wide)).status).toBe(400);
    expect((await post('subject', { ...whoReads, context: { text: 'x'.repeat(300_000) } })).status).toBe(413);
    const long = { ...whoReads, resource: { type: 'runtime', id: 'x'.repeat(513) } };
    expect((await post('subject', long)).status).toBe(400);
  });
});

describe('to the byte', () => {
  const ask = async (headers: readonly string[], body: string, method = 'POST', path = '/access/v1/search/subject') =>
    askRaw(
      await stack.service.app.getUrl(),
      [`${method} ${path} HTTP/1.1`, 'host: gate', `authorization: Bearer ${operator}`, ...headers],
      body,
    );
  const good = JSON.stringify(whoReads);
  const length = (body: string) => `content-length: ${Buffer.byteLength(body)}`;
  const json = 'content-type: application/json';

  it.each<[string, readonly string[], string]>([
    ['no content type', [length(good)], good],
    ['text', ['content-type: text/plain', length(good)], good],
    ['a form', ['content-type: application/x-www-form-urlencoded', length(good)], good],
    ['something that only begins like JSON', ['content-type: application/json-patch+json', length(good)], good],
    ['no body at all', [json, 'content-length: 0'], ''],
    ['no length and no body', [json], ''],
    ['half a document', [json, length('{"subject":')], '{"subject":'],
    ['two documents', [json, length(`${good}${good}`)], `${good}${good}`],
    ['null', [json, length('null')], 'null'],
    ['a number', [json, length('7')], '7'],
    ['a prototype', [json, length('{"__proto__":{}}')], '{"__proto__":{}}'],
    ['half a surrogate pair', [json, length(good.replace('app-web', '\\ud800'))], good.replace('app-web', '\\ud800')],
    ['a NUL', [json, length(good.replace('app-web', '\\u0000'))], good.replace('app-web', '\\u0000')],
  ])('%s is 400', async (_name, headers, body) => {
    const answer = await ask(headers, body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('takes JSON with a character set, in chunks, and with a byte order mark refuses nothing else', async () => {
    const chunk = `${Buffer.byteLength(good).toString(16)}\r\n${good}\r\n0\r\n\r\n`;
    const charset = ['Content-Type: application/json; charset=utf-8', 'transfer-encoding: chunked'];
    expect((await ask(charset, chunk)).status).toBe(200);
  });

  it('gives the request id back as it came, also with a refusal, and makes one where there is none', async () => {
    const id = 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716';
    const answer = await ask([json, `X-Request-ID: ${id}`, length(good)], good);
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, id]);
    const refused = await ask([json, `x-request-id: ${id}`, length('{}')], '{}');
    expect([refused.status, refused.headers.get('x-request-id')]).toEqual([400, id]);
    expect((await ask([json, length(good)], good)).headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is asked by POST alone', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) expect((await ask([length('')], '', method)).status).toBe(404);
  });
});

describe('pages', () => {
  const all = async (body: object, limit: number): Promise<string[]> => {
    const seen: string[] = [];
    let token: string | undefined;
    for (let i = 0; i < 50; i++) {
      const page = token === undefined ? { limit } : { token };
      const answer = await search('subject', { ...body, page });
      seen.push(...answer.results.map(({ id }) => String(id)));
      expect(answer.page.total).toBe(5);
      expect(answer.page.count).toBe(answer.results.length);
      token = answer.page.next_token;
      if (token === '') return seen;
    }
    throw new Error('pages without end');
  };

  it.each([1, 2, 3, 5, 100])('of %i hold everybody once, and the limit goes on', async (limit) => {
    expect(await all(whoReads, limit)).toEqual(users);
  });

  it('are as large as is asked for, up to 1,000, and 0 asks how many there are', async () => {
    expect((await search('subject', { ...whoReads, page: { limit: 1_000_000 } })).page.count).toBe(5);
    const none = await search('subject', { ...whoReads, page: { limit: 0 } });
    expect([none.results, none.page.count, none.page.total]).toEqual([[], 0, 5]);
    expect(ids(await search('subject', { ...whoReads, page: { token: none.page.next_token, limit: 9 } }))).toEqual(
      users,
    );
  });

  const changes: [string, object][] = [
    ['the action', { action: { name: 'deploy.preview' } }],
    ['the resource', { resource: { type: 'runtime', id: 'other' } }],
    ['the type', { subject: { type: 'service' } }],
    ['a property', { resource: { ...reads.resource, properties: { status: 'archived' } } }],
    ['the context', { context: { ip: '10.0.0.1' } }],
  ];
  it.each(changes)('are not those of another question: %s changed is 400', async (_name, change) => {
    const { page } = await search('subject', { ...whoReads, page: { limit: 2 } });
    const response = await post('subject', { ...whoReads, ...change, page: { token: page.next_token } });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ path: 'body.page.token' }] });
  });

  it('are not those of another search or another tenant, and no text of somebody’s own', async () => {
    const { page } = await search('subject', { ...whoReads, page: { limit: 2 } });
    const { next_token: token } = page;
    const body = { subject: { type: 'user', id: 'ann' }, ...reads, page: { token } };
    expect((await post('resource', body)).status).toBe(400);
    expect((await post('subject', { ...whoReads, page: { token } }, stranger)).status).toBe(400);
    for (const forged of ['x', `${token}x`, token.slice(1), 'e30.e30', `${token.split('.')[0]}.`, '.', '🔑'])
      expect((await post('subject', { ...whoReads, page: { token: forged } })).status).toBe(400);
    const place = JSON.parse(Buffer.from(String(token.split('.')[0]), 'base64url').toString());
    const moved = Buffer.from(JSON.stringify({ ...place, after: '' })).toString('base64url');
    const forged = `${moved}.${token.split('.')[1]}`;
    expect((await post('subject', { ...whoReads, page: { token: forged } })).status).toBe(400);
  });

  it('may be asked for again, and ids of what is searched change nothing', async () => {
    const { page } = await search('subject', { ...whoReads, page: { limit: 2 } });
    const next = { ...whoReads, page: { token: page.next_token } };
    expect(ids(await search('subject', next))).toEqual(['cat', 'dan']);
    expect(ids(await search('subject', { ...next, subject: { type: 'user', id: 'zoe' } }))).toEqual(['cat', 'dan']);
  });

  it.each([{ limit: -1 }, { limit: 1.5 }, { limit: '2' }, { token: 7 }, [], 'next'])('as %j are 400', async (page) => {
    expect((await post('subject', { ...whoReads, page })).status).toBe(400);
  });
});

describe('tenants', () => {
  it('never see a name of another, whatever they search', async () => {
    expect(ids(await search('subject', whoReads, stranger))).toEqual(['ann', 'their-own']);
    const text = JSON.stringify([
      await search('subject', { ...whoReads, subject: { type: 'service' } }, stranger),
      await search(
        'resource',
        { subject: { type: 'user', id: 'ann' }, action: { name: 'logs.read' }, resource: { type: 'project' } },
        stranger,
      ),
    ]);
    expect(text).toContain('stranger');
    expect(text).not.toContain('operator');
  });

  it('are asked about alone: what somebody holds elsewhere counts nowhere else', async () => {
    const body = { subject: { type: 'user', id: 'ann' }, resource: { type: 'tenant', id: tenant } };
    expect(ids(await search('action', body))).not.toContain('tenant.close');
    expect(ids(await search('action', body, stranger))).toContain('tenant.close');
  });

  it('cannot be chosen by the request', async () => {
    const chosen = { ...whoReads, tenantId: tenant, tenant, context: { tenantId: tenant } };
    expect(ids(await search('subject', chosen, stranger))).toEqual(['ann', 'their-own']);
    const headers = { 'x-tenant-id': tenant };
    const response = await post('subject', whoReads, stranger, headers);
    if (response.status === 200) expect(ids((await response.json()) as Answer)).toEqual(['ann', 'their-own']);
    else expect([403, 404]).toContain(response.status);
  });
});

describe('what is found', () => {
  it('is who is known, once, when it is granted, and no longer when it is taken away', async () => {
    const id = await grant('late', 'viewer');
    const isFound = async () => ids(await search('subject', whoReads)).includes('late');
    await waitFor(isFound, { message: 'the new one is found' });
    expect((await stack.call(`/api/v1/policy/grants/${id}`, { key: operator, method: 'DELETE' })).status).toBe(200);
    await waitFor(async () => !(await isFound()), { message: 'and is found no more' });
  });

  it('is on which resources, from the scopes that are known', async () => {
    await grant('owner-of-shop', 'maintainer', operator, 'project/shop');
    await grant('owner-of-shop', 'viewer', operator, 'project/side');
    const body = {
      subject: { type: 'user', id: 'owner-of-shop' },
      action: { name: 'deploy.production' },
      resource: { type: 'project' },
    };
    expect((await search('resource', body)).results).toEqual([{ type: 'project', id: 'shop' }]);
  });

  it('is named by a pseudonym where it is somebody’s address, and an evaluation takes either', async () => {
    await grant('Fay@example.org', 'viewer');
    const { results } = await search('subject', whoReads);
    const found = results.find(({ id }) => id?.endsWith('@example.org'));
    expect(found?.id).toMatch(/^p_[A-Za-z0-9_-]{22}@example\.org$/);
    expect(JSON.stringify(results)).not.toContain('Fay');
    for (const id of [found?.id, 'Fay@example.org']) {
      const response = await stack.call('/access/v1/evaluation', {
        key: operator,
        body: { subject: { type: 'user', id }, ...reads },
      });
      expect(await response.json()).toMatchObject({ decision: true });
    }
  });
});

describe('the API document', () => {
  it('describes the searches', async () => {
    const document = (await (await stack.call('/openapi.json')).json()) as { paths: Record<string, { post?: object }> };
    for (const kind of ['subject', 'resource', 'action']) {
      const route = document.paths[`/access/v1/search/${kind}`]?.post;
      expect(JSON.stringify(route)).toContain('next_token');
      expect(route).toHaveProperty('requestBody');
    }
  });
});
