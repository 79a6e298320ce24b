import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '@gatehouse/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { Malformed, type Operation, operationsOf, seededRandom } from './malformed-requests.fixture.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

/** What clients do with the product as `npm start` runs it: those that know a standard alone, and those that send anything. */

/** Enough to meet every route several times, with another seed each run; `MALFORMED_SEED` repeats one. */
const requests = Number(process.env.MALFORMED_REQUESTS ?? 3_000);
const seed = Number(process.env.MALFORMED_SEED ?? Date.now() % 1_000_000_007);
const callersAtOnce = 12;

/** Whoever holds the operator's key could really do these, and the others would then meet closed doors only. */
const wouldEndTheTest = /\/(close|leave|transfer|rebuild|erasures|disable|seal|tenant-seal|revoke-self)$/;

const services = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'];
const secret = generateKey('mas_');
let stack: WholeStack;
let operations: Operation[];

beforeAll(async () => {
  // The rate limits have specs of their own; here they would hide what is behind them.
  stack = await startWholeStack('clients', { RATE_LIMIT_PER_SECOND: '1000000', RATE_LIMIT_BURST: '1000000' });
  const documents = await Promise.all(services.map((name) => stack.call(`/openapi/${name}.json`)));
  operations = documents.flatMap(({ text }) => operationsOf(JSON.parse(text)));
});
afterAll(() => stack?.stop());

/** What a client of AuthZEN does that knows nothing of us but an address and a key. */
interface Metadata {
  readonly policy_decision_point: string;
  readonly access_evaluation_endpoint: string;
  readonly access_evaluations_endpoint: string;
  readonly search_subject_endpoint: string;
  readonly search_resource_endpoint: string;
  readonly search_action_endpoint: string;
  readonly jwks_uri: string;
  readonly signed_metadata: string;
}

/** Every address must be below the origin that the client came to. */
const pathOf = (url: string): string => {
  expect(new URL(url).origin).toBe(stack.url);
  return new URL(url).pathname;
};
const get = async <T>(path: string) => {
  const answer = await stack.call(path);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)]);
  return { document: JSON.parse(answer.text) as T, headers: answer.headers };
};
const post = async <T>(url: string, body: object): Promise<T> => {
  const headers = {
    authorization: `Bearer ${stack.operatorKey}`,
    'content-type': 'application/json',
    'x-request-id': 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716',
  };
  const answer = await stack.call(pathOf(url), { method: 'POST', headers, body: JSON.stringify(body) });
  expect([answer.status, answer.headers['x-request-id']]).toEqual([200, headers['x-request-id']]);
  return JSON.parse(answer.text) as T;
};

/** The metadata as its signature vouches for it. */
async function discover(tenant?: string): Promise<Metadata> {
  const identifier = tenant === undefined ? stack.url : `${stack.url}/${tenant}`;
  const { pathname } = new URL(identifier);
  const { document } = await get<Metadata>(`/.well-known/authzen-configuration${pathname.replace(/\/$/, '')}`);
  expect(document.policy_decision_point).toBe(identifier);
  const keys = await get<JSONWebKeySet>(pathOf(document.jwks_uri));
  const { payload } = await jwtVerify(document.signed_metadata, createLocalJWKSet(keys.document), {
    issuer: identifier,
    algorithms: ['EdDSA'],
  });
  return { ...document, ...(payload as object) };
}

describe('a client of AuthZEN, through the gateway', () => {
  it('is allowed to keep the metadata for a while', async () => {
    expect((await get('/.well-known/authzen-configuration')).headers['cache-control']).toBe('public, max-age=3600');
  });

  it.each([undefined, 'main'])('finds, verifies and asks all there is (tenant %s)', async (tenant) => {
    const pdp = await discover(tenant);
    const subject = { type: 'service', id: 'operator' };
    const action = { name: 'logs.read' };
    const resource = { type: 'runtime', id: 'app-web' };
    const one = await post<{ decision: boolean }>(pdp.access_evaluation_endpoint, { subject, action, resource });
    expect(typeof one.decision).toBe('boolean');
    const all = await post<{ evaluations: { decision: boolean }[] }>(pdp.access_evaluations_endpoint, {
      subject,
      resource,
      evaluations: [{ action }, { action, subject: { type: 'user', id: 'nobody' } }],
    });
    expect(all.evaluations.map(({ decision }) => decision)).toEqual([one.decision, false]);

    const who = await post<{ results: { type: string; id: string }[] }>(pdp.search_subject_endpoint, {
      subject: { type: 'service' },
      action,
      resource,
    });
    expect(who.results.length).toBeGreaterThan(0);
    for (const found of who.results) {
      const answer = await post<{ decision: boolean }>(pdp.access_evaluation_endpoint, {
        subject: found,
        action,
        resource,
      });
      expect(answer.decision).toBe(true);
    }
    const what = await post<{ results: { name: string }[] }>(pdp.search_action_endpoint, {
      subject: who.results[0],
      resource,
    });
    expect(what.results).toContainEqual(action);
    const where = await post<{ results: object[]; page: object }>(pdp.search_resource_endpoint, {
      subject: who.results[0],
      action,
      resource: { type: 'runtime' },
    });
    expect(where).toMatchObject({ results: [], page: { next_token: '', count: 0 } });
  });

  it('gets no further without a key, or with another method', async () => {
    const pdp = await discover();
    for (const url of [pdp.access_evaluation_endpoint, pdp.search_subject_endpoint]) {
      const headers = { 'content-type': 'application/json' };
      expect((await stack.call(pathOf(url), { method: 'POST', headers, body: '{}' })).status).toBe(401);
    }
    expect((await stack.call('/.well-known/authzen-configuration/main', { method: 'DELETE' })).status).toBe(404);
    expect((await stack.call('/.well-known/authzen-configuration/main/more')).status).toBe(404);
  });
});

describe(`${requests} malformed requests over all routes (seed ${seed})`, () => {
  const pids = () => services.flatMap((name) => stack.pidsOf(`apps/${name}/`));

  it('are all answered, with no 5xx, and none of them repeats a secret', async () => {
    const before = pids();
    const draw = new Malformed(seededRandom(seed), secret);
    const seen = new Map<number, number>();
    const wrong: string[] = [];
    let left = requests;
    const caller = async () => {
      while (left-- > 0) {
        const operation = draw.pick(operations);
        const known = draw.chance(0.5) && !wouldEndTheTest.test(operation.path);
        const path = draw.path(operation);
        const body = draw.body(operation);
        const { status, text } = await stack.call(path, {
          method: operation.method as 'GET',
          headers: draw.headers(known ? `Bearer ${stack.operatorKey}` : draw.authorization()),
          ...(body && { body }),
        });
        seen.set(status, (seen.get(status) ?? 0) + 1);
        const shown = text.includes(secret) || text.includes(stack.operatorKey);
        if (status >= 500 || shown)
          wrong.push(`${operation.method} ${path.slice(0, 120)}: ${status} ${text.slice(0, 300)}`);
      }
    };
    await Promise.all(Array.from({ length: callersAtOnce }, caller));
    expect(wrong.slice(0, 20)).toEqual([]);
    // The requests were what they should be: many refused for their form, some for who asked, a few good by chance.
    expect(seen.get(400) ?? 0).toBeGreaterThan(requests / 10);
    expect(seen.get(401) ?? 0).toBeGreaterThan(requests / 20);
    expect(pids()).toEqual(before);
  }, 240_000);

  it('left no secret in any log', () => {
    const folder = join(stack.data, 'logs');
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), 'utf8');
      expect([name, text.includes(secret), text.includes(stack.operatorKey)]).toEqual([name, false, false]);
    }
  });

  it('left every service ready', async () => {
    expect(
      (await stack.call('/api/v1/identity/me', { headers: { authorization: `Bearer ${stack.operatorKey}` } })).status,
    ).toBe(200);
    expect((await stack.call('/readyz')).status).toBe(200);
  });
});
