import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

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

let stack: WholeStack;

beforeAll(async () => {
  stack = await startWholeStack('authzen');
}, 120_000);
afterAll(() => stack?.stop());

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
