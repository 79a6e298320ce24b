import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';
import { type Scenario, setUpScenario } from './scenario.fixture.js';

interface Case {
  readonly level: string;
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly request: unknown;
  readonly expected: {
    readonly status?: number;
    readonly decision?: boolean;
    readonly evaluations?: readonly boolean[];
    readonly results?: readonly object[];
  };
}

const file = join(import.meta.dirname, '../../test/testdata/authzen-certification.json');
const scenario = JSON.parse(readFileSync(file, 'utf8')) as Scenario & { readonly cases: readonly Case[] };
const levels = ['Basic Core', 'Basic Properties', 'Batch Core', 'Batch Properties', 'Search Core', 'Search Properties'];

let stack: PolicyStack;
let operator: string;

beforeAll(async () => {
  stack = await startPolicyStack();
  operator = (await stack.identity.createKey(tenant, 'operator', ['owner'])).key;
  await untilKnown(stack, operator);
  await setUpScenario(stack, operator, scenario);
});
afterAll(async () => stack.stop());

const ask = (path: string, body: unknown) => stack.call(path, { key: operator, body });

/** What the harness of the certification looks at. */
async function check({ path, request, expected }: Case): Promise<void> {
  const response = await ask(path, request);
  expect(response.status).toBe(expected.status ?? 200);
  if (expected.status !== undefined) return;
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const answer = (await response.json()) as {
    decision?: boolean;
    evaluations?: { decision: boolean }[];
    results?: { name?: string }[];
    page?: { next_token: string };
  };
  if (expected.decision !== undefined) expect(answer.decision).toBe(expected.decision);
  if (expected.evaluations) expect(answer.evaluations?.map(({ decision }) => decision)).toEqual(expected.evaluations);
  if (!expected.results) return;
  // The harness asks for at least these. Beyond them there are only actions of Gatehouse itself: `write` in a rule of the
  // document means every `*.write`.
  const own = answer.results?.filter(({ name }) => !name?.includes('.'));
  expect(own).toEqual(expected.results);
  expect(answer.page).toMatchObject({ next_token: '', count: answer.results?.length });
}

describe.each(levels)('%s', (level) => {
  const cases = scenario.cases.filter((each) => each.level === level);

  it('is tested', () => expect(cases.length).toBeGreaterThanOrEqual(3));

  it.each(cases.map((each) => [each.id, each.title, each] as const))('%s %s', (_id, _title, each) => check(each));
});

describe('every level', () => {
  const basic = scenario.cases.find(({ id }) => id === '2.2.1') as Case;

  it('2.4.3 to 2.4.5: another content type, no JSON and no body are 400, on every endpoint', async () => {
    const paths = new Set(scenario.cases.map(({ path }) => path));
    expect(paths.size).toBe(5);
    for (const path of paths) {
      const headers = { 'content-type': 'text/plain' };
      const text = JSON.stringify(basic.request);
      expect((await stack.call(path, { key: operator, body: text, headers })).status).toBe(400);
      expect((await ask(path, '{"subject":')).status).toBe(400);
      expect((await ask(path, '')).status).toBe(400);
    }
  });

  it('2.5: the request id is echoed, and may be absent', async () => {
    const headers = { 'x-request-id': 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716' };
    const echoed = await stack.call(basic.path, { key: operator, body: basic.request, headers });
    expect(echoed.headers.get('x-request-id')).toBe(headers['x-request-id']);
    expect((await ask(basic.path, basic.request)).status).toBe(200);
  });

  it('2.6: the same answer each time', async () => {
    for (let i = 0; i < 5; i++) await check(basic);
  });

  it('4.5: pages', async () => {
    const request = scenario.cases.find(({ id }) => id === '4.2.1')?.request as object;
    const search = async (page: object) => {
      const response = await ask('/access/v1/search/subject', { ...request, page });
      expect(response.status).toBe(200);
      return (await response.json()) as { page: { next_token: string }; results: { id: string }[] };
    };
    const first = await search({ limit: 1 });
    expect(first.results).toEqual([{ type: 'user', id: 'alice' }]);
    const last = await search({ token: first.page.next_token });
    expect([last.results, last.page.next_token]).toEqual([[{ type: 'user', id: 'bob' }], '']);
  });

  it('6, Discovery: names every endpoint that was asked here', async () => {
    const document = (await (await stack.call('/.well-known/authzen-configuration')).json()) as Record<string, unknown>;
    const named = Object.entries(document).flatMap(([name, url]) =>
      name.endsWith('_endpoint') ? [new URL(String(url)).pathname] : [],
    );
    expect(new Set(named)).toEqual(new Set(scenario.cases.map(({ path }) => path)));
  });
});
