import { loadKeyFile, type Pepper } from '@gatehouse/crypto';
import { knownActions } from '@gatehouse/evaluator';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recordable } from '../src/decision/identifiers.js';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';
import { activatePolicy, setUpScenario } from './scenario.fixture.js';

/** `SEARCH_SEED` repeats a run. */
const seed = Number(process.env.SEARCH_SEED ?? Date.now() % 1_000_000_007);
const questions = 60;

/** Numbers that look random and are the same for the same seed (mulberry32). */
function seeded(state: number) {
  let a = state;
  const next = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const chance = (p: number): boolean => next() < p;
  return { pick, chance, some: <T>(from: readonly T[], p: number) => from.filter(() => chance(p)) };
}
const { pick, chance, some } = seeded(seed);

const list = (count: number, name: (i: number) => string) => Array.from({ length: count }, (_, i) => name(i));
// Some are addresses, which are known by a pseudonym; order by code unit is not that of the numbers.
const users = list(16, (i) => (i % 4 === 0 ? `u${i}@example.org` : i % 4 === 1 ? `Ü ${i}` : `u${i}`));
const folders = list(5, (i) => `f${i}`);
const records = list(24, (i) => `r/${i}`);
const actions = ['read', 'write', 'delete', 'share', 'logs.read', 'deploy.production', 'fly'];
const statuses = ['active', 'archived', 'draft', 7, null, ['active']];
const departments = ['sales', 'legal'];

const policy = {
  title: 'Of everything something',
  roles: [
    { name: 'reader', rules: [{ effect: 'permit', actions: ['read'] }] },
    {
      name: 'editor',
      inherits: ['reader'],
      rules: [
        { effect: 'permit', actions: ['write'], when: { 'resource.status': { not: 'archived' } } },
        { effect: 'forbid', actions: ['delete'], resources: ['record/r/1'] },
      ],
    },
  ],
  rules: [
    {
      id: 'department',
      type: 'selector',
      effect: 'permit',
      who: { labels: { kind: 'staff' } },
      what: { types: ['record'] },
      actions: ['read', 'share'],
      when: { 'subject.department': { path: 'resource.department' } },
    },
    {
      id: 'assigned',
      type: 'selector',
      effect: 'permit',
      who: { relations: ['assignee'] },
      actions: ['write', 'delete'],
    },
    {
      id: 'archive',
      type: 'selector',
      effect: 'forbid',
      who: { anyone: true },
      actions: ['write', 'delete'],
      when: { 'resource.status': 'archived', not: { 'subject.admin': true } },
    },
    {
      id: 'public',
      type: 'selector',
      effect: 'permit',
      who: { anyone: true },
      what: { labels: { open: ['yes'] } },
      actions: ['read'],
    },
    { id: 'ours', type: 'access', mode: 'allow', patterns: ['*@example.org'], actions: ['share'] },
    { id: 'nobody-flies', type: 'access', mode: 'deny', patterns: ['u?', 'regex:u1\\d'], actions: ['fly'] },
    { id: 'fliers', type: 'selector', effect: 'permit', who: { roles: ['editor', 'owner'] }, actions: ['fly'] },
    { id: 'step', type: 'obligation', on: 'permit', actions: ['share'], obligation: { type: 'step-up' } },
    {
      id: 'slowly',
      type: 'rate_limit',
      requests_per_period: 1_000_000,
      period_seconds: 1,
      scope: 'per_tenant',
      actions: ['read'],
    },
  ],
};

const subjectOf = (id: string) => ({ type: 'user', id });
const entities = [
  ...users.map((id) => ({
    entity: subjectOf(id),
    labels: chance(0.6) ? { kind: pick(['staff', 'guest']) } : {},
    properties: { ...(chance(0.7) && { department: pick(departments) }), ...(chance(0.2) && { admin: chance(0.7) }) },
  })),
  ...folders.map((id, i) => ({
    entity: { type: 'folder', id },
    parents: i > 0 && chance(0.5) ? [{ type: 'folder', id: folders[i - 1] as string }] : [],
    ...(chance(0.3) && { owner: subjectOf(pick(users)) }),
  })),
  ...records.map((id) => ({
    entity: { type: 'record', id },
    labels: chance(0.2) ? { open: 'yes' } : {},
    properties: {
      ...(chance(0.8) && { status: pick(statuses) }),
      ...(chance(0.5) && { department: pick(departments) }),
    },
    parents: some(folders, 0.2).map((folder) => ({ type: 'folder', id: folder })),
    ...(chance(0.15) && { owner: subjectOf(pick(users)) }),
  })),
];
const scopes = ['*', ...folders.map((id) => `folder/${id}`), ...records.slice(0, 5).map((id) => `record/${id}`)];
const grants = some(users, 0.8).map((id) => ({
  subject: subjectOf(id),
  role: pick(['reader', 'editor', 'viewer', 'maintainer']),
  scope: pick(scopes),
}));
const relationships = list(14, () => '').map(() => ({
  change: 'relate',
  subject: subjectOf(pick(users)),
  relation: pick(['assignee', 'watcher']),
  resource: { type: 'record', id: pick(records) },
}));

let stack: PolicyStack;
let operator: string;
let pepper: Pepper;

const post = async <T>(path: string, body: unknown): Promise<T> => {
  const response = await stack.call(path, { key: operator, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
};

beforeAll(async () => {
  stack = await startPolicyStack();
  operator = (await stack.identity.createKey(tenant, 'operator', ['owner'])).key;
  await untilKnown(stack, operator);
  pepper = loadKeyFile(String(stack.env.PEPPER_FILE));
  // Roles first: whom a rule of the document may forbid something, grants nobody what it forbids.
  await setUpScenario(stack, operator, { policy: { roles: policy.roles }, entities, grants });
  await post('/api/v1/policy/facts', { changes: relationships });
  await activatePolicy(stack, operator, policy);
});
afterAll(async () => stack.stop());

interface Question {
  readonly subject: object;
  readonly action: object;
  readonly resource: object;
  readonly context?: object;
}
const maybe = (properties: object) => (chance(0.3) ? { properties } : {});
const draw = (): Question => ({
  subject: { ...subjectOf(pick(users)), ...maybe({ department: pick(departments), admin: chance(0.5) }) },
  action: { name: pick(actions) },
  resource: { type: 'record', id: pick(records), ...maybe({ status: pick(statuses) }) },
  ...(chance(0.3) && { context: { ip: '10.0.0.1' } }),
});

/** Every page, of random sizes. */
async function searched(kind: string, question: object): Promise<readonly string[]> {
  const names: string[] = [];
  let page: object = chance(0.5) ? {} : { limit: pick([1, 2, 5]) };
  for (;;) {
    const answer = await post<{
      page: { next_token: string };
      results: { id?: string; name?: string; context?: object }[];
    }>(`/access/v1/search/${kind}`, { ...question, page });
    names.push(...answer.results.map(({ id, name }) => String(id ?? name)));
    const { next_token: token } = answer.page;
    if (token === '') return names;
    page = { token, ...(chance(0.3) && { limit: pick([1, 3]) }) };
  }
}

/** The names for which an evaluation is permitted, each asked for itself. */
async function evaluated(names: readonly string[], ask: (name: string) => object): Promise<readonly string[]> {
  const sorted = [...new Set(names)].sort();
  const { evaluations } = await post<{ evaluations: { decision: boolean; context: object }[] }>(
    '/access/v1/evaluations',
    {
      evaluations: sorted.map(ask),
    },
  );
  expect(evaluations.filter(({ context }) => 'error' in context)).toEqual([]);
  return sorted.filter((_, i) => evaluations[i]?.decision);
}

const recorded = (type: string, ids: readonly string[]) => ids.map((id) => recordable(pepper, { type, id }).id);

describe(`a search finds what evaluations permit (seed ${seed})`, () => {
  it('of subjects', async () => {
    let found = 0;
    for (let i = 0; i < questions; i++) {
      const question = draw();
      const permitted = await evaluated(recorded('user', users), (id) => ({ ...question, subject: subjectOf(id) }));
      expect(await searched('subject', question)).toEqual(permitted);
      found += permitted.length;
    }
    expect(found).toBeGreaterThan(questions / 2);
  });

  it('of resources', async () => {
    let found = 0;
    for (let i = 0; i < questions; i++) {
      const question = draw();
      const permitted = await evaluated(records, (id) => ({ ...question, resource: { type: 'record', id } }));
      expect(await searched('resource', question)).toEqual(permitted);
      found += permitted.length;
    }
    expect(found).toBeGreaterThan(questions);
  });

  it('of actions', async () => {
    let found = 0;
    for (let i = 0; i < questions; i++) {
      const question = draw();
      const permitted = await evaluated([...knownActions, ...actions], (name) => ({ ...question, action: { name } }));
      expect(await searched('action', question)).toEqual(permitted);
      found += permitted.length;
    }
    expect(found).toBeGreaterThan(questions / 2);
  });
});
