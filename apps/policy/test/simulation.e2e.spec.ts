import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, startPolicyStack } from './policy-stack.js';
import { type Answered, type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let database: pg.Client;
let tenant: TestTenant;
let owner: Somebody;
let strangers: TestTenant;
let stranger: Somebody;
const from = new Date(Date.now() - 3_600_000).toISOString();

const rules = {
  mfa: {
    id: 'mfa',
    type: 'selector',
    effect: 'permit',
    actions: ['vault.open'],
    who: { anyone: true },
    when: { 'context.mfa': true },
  },
  few: {
    id: 'few',
    type: 'rate_limit',
    actions: ['ping'],
    requests_per_period: 2,
    period_seconds: 3_600,
    scope: 'per_user',
  },
  ping: { id: 'ping', type: 'selector', effect: 'permit', actions: ['ping'], who: { anyone: true } },
  idle: { id: 'idle', type: 'selector', effect: 'permit', actions: ['nothing.ever'], who: { anyone: true } },
  team: { id: 'team', type: 'selector', effect: 'permit', actions: ['wiki.read'], who: { roles: ['user'] } },
};
const first = { rules: [rules.mfa, rules.few, rules.ping, rules.idle, rules.team] };

const grants: Record<string, string> = {};
const grant = async (by: Somebody, user: string, role: string, scope = '*') => {
  const { status, body } = await by.call('/grants', { subject: { type: 'user', id: user }, role, scope });
  expect({ status, body }).toMatchObject({ status: 201 });
  grants[`${user} ${role}`] = body.grantId;
};

const evaluate = async (user: string, action: string, resource = 'doc/d1', context?: object) => {
  const [type, id] = resource.split('/');
  const body = { subject: { type: 'user', id: user }, action: { name: action }, resource: { type, id }, context };
  const answer = await stack.call('/access/v1/evaluation', { key: owner.key, body });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { decision: boolean }).decision;
};

const activate = async (document: object) => {
  const { body } = await owner.call('/versions', { document });
  expect(await owner.call(`/versions/${body.digest}/activate`, { reason: 'because' })).toMatchObject({ status: 200 });
  return body.digest;
};

/** What a replay has to say, waited for. */
async function ended(by: Somebody, started: Answered): Promise<Answered['body']> {
  expect(started).toMatchObject({ status: 202 });
  const path = `/simulations/${started.body.simulationId}`;
  return waitFor(
    async () => {
      const { body } = await by.call(path);
      return body.status !== 'running' && body;
    },
    { timeoutMs: 30_000, message: 'the replay ends' },
  );
}
const simulate = async (candidate: unknown, by = owner) =>
  (await ended(by, await by.call('/simulations', { candidate, from }))).result as Found;

interface Side {
  readonly total: number;
  readonly byRule: readonly { readonly name: string }[];
  readonly examples: readonly { readonly id: string }[];
}
interface Found {
  readonly decisions: number;
  readonly newlyAllowed: Side;
  readonly newlyDenied: Side;
  readonly undecidable: { readonly total: number };
  readonly grants: { readonly listed: readonly { role: string; scope: string; subject: { id: string } }[] };
  readonly unusedRules: readonly string[];
  readonly document: { readonly rules: readonly { readonly id: string }[] };
  readonly replay: Found;
}

interface Recorded {
  id: string;
  action: string;
  reason: string;
  user: string;
}
interface Item {
  readonly action: string;
  readonly reason: string;
  readonly subject: { readonly id: string };
}
/** Everything that was recorded of a tenant, by the database. */
async function recordedOf(tenantId: string): Promise<readonly Recorded[]> {
  const { rows } = await database.query<{ envelope: string }>(
    `select envelope from policy.events where tenant_id = $1 and type in ('decision.recorded', 'decisions.recorded')`,
    [tenantId],
  );
  return rows.flatMap(({ envelope }) => {
    const { id, data } = JSON.parse(envelope);
    const items: readonly Item[] = data.items ?? [data];
    return items.map((item: Item, n: number) => ({
      id: data.items ? `${id}.${n}` : id,
      action: item.action,
      reason: item.reason,
      user: item.subject.id,
    }));
  });
}

beforeAll(async () => {
  stack = await startPolicyStack();
  database = new pg.Client({ connectionString: stack.adminUrl });
  await database.connect();
  [tenant, strangers] = [new TestTenant(stack), new TestTenant(stack)];
  [owner, stranger] = [await tenant.create(), await strangers.create()];
  await grant(owner, 'ann', 'developer');
  await grant(owner, 'bob', 'viewer');
  await grant(owner, 'cid', 'user');
  await grant(owner, 'dan', 'maintainer', 'project/shop');
  for (const user of ['ann', 'bob', 'cid', 'dan', 'eve']) {
    await evaluate(user, 'logs.read');
    await evaluate(user, 'deploy.preview', 'project/shop');
  }
  await activate(first);
  expect(await evaluate('eve', 'vault.open', 'doc/d1', { mfa: true, secret: 'not recorded' })).toBe(true);
  expect(await evaluate('eve', 'vault.open', 'doc/d1', { mfa: false })).toBe(false);
  expect(await evaluate('cid', 'wiki.read')).toBe(true);
  expect([await evaluate('bob', 'ping'), await evaluate('bob', 'ping'), await evaluate('bob', 'ping')]).toEqual([
    true,
    true,
    false,
  ]);
  // The past, a batch, facts that change between two questions, and a mode that answers more than the policy says.
  await evaluate('ann', 'logs.read', 'doc/d1', { as_of: new Date(Date.now() - 1_000).toISOString() });
  const items = ['ann', 'bob', 'eve'].map((id) => ({ subject: { type: 'user', id } }));
  const batch = { action: { name: 'secret.list' }, resource: { type: 'scope', id: 'staging' }, evaluations: items };
  expect((await stack.call('/access/v1/evaluations', { key: owner.key, body: batch })).status).toBe(200);
  expect((await owner.call(`/grants/${grants['bob viewer']}`, undefined, { method: 'DELETE' })).status).toBe(200);
  expect(await evaluate('bob', 'logs.read')).toBe(false);
  await owner.call('/settings', { mode: 'audit_only', fourEyes: false, reason: 'try' }, { method: 'PUT' });
  expect(await evaluate('eve', 'wiki.write')).toBe(true);
  await owner.call('/settings', { mode: 'strict', fourEyes: false, reason: 'tried' }, { method: 'PUT' });
  await grant(stranger, 'zoe', 'developer');
  expect(await strangers.decides(stranger, 'user/zoe', 'deploy.preview', 'project/shop')).toBe(true);
});
afterAll(async () => {
  await database?.end();
  await stack?.stop();
});

describe('a replay', () => {
  it('of what was active at each decision finds no difference', async () => {
    const before = (await recordedOf(tenant.id)).length;
    const result = await simulate('active');
    expect(result).toMatchObject({
      candidate: 'active',
      newlyAllowed: { total: 0 },
      newlyDenied: { total: 0 },
      undecidable: { total: 0 },
      isCut: false,
    });
    expect(result.decisions).toBeGreaterThanOrEqual(before);
    expect(before).toBeGreaterThan(30);
  });

  it('of one change finds exactly what it changes', async () => {
    const denies = { id: 'no', type: 'selector', effect: 'forbid', actions: ['deploy.*'], who: { anyone: true } };
    const expected = (await recordedOf(tenant.id)).filter(
      ({ action, reason }) => action === 'deploy.preview' && reason === 'permitted',
    );
    const { newlyDenied, newlyAllowed } = await simulate({ document: { rules: [...first.rules, denies] } });
    expect(newlyDenied.examples.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
    expect(newlyDenied).toMatchObject({
      total: 2,
      byRole: [
        { name: 'developer', count: 1 },
        { name: 'maintainer', count: 1 },
      ],
      byAction: [{ name: 'deploy.preview', count: 2 }],
      byResourceType: [{ name: 'project', count: 2 }],
    });
    // Before the first version was active: wiki and ping had no rules, and nobody asked for them.
    expect(newlyAllowed.total).toBe(0);
  });

  it('takes a text, a stored version, and says what it cannot know', async () => {
    const text =
      'rules:\n  - { id: r, type: selector, effect: permit, who: { anyone: true }, when: { context.secret: yes } }\n';
    const { undecidable, newlyAllowed } = await simulate({ text });
    expect(undecidable).toMatchObject({ paths: ['context.secret'] });
    expect(undecidable.total).toBeGreaterThan(5);
    expect(newlyAllowed.total).toBe(0);
    const { body } = await owner.call('/versions', { document: {} });
    const without = await simulate({ digest: body.digest });
    expect(without.newlyDenied.byRule.map(({ name }) => name).sort()).toEqual(['mfa', 'ping', 'team']);
    expect(without.newlyDenied.byRule.find(({ name }) => name === 'ping')).toMatchObject({
      count: 2,
    });
  });

  it('keeps a limit that is the same, and counts one that is not', async () => {
    const tighter = { ...rules.few, requests_per_period: 1 };
    const { newlyDenied } = await simulate({ document: { rules: [rules.mfa, tighter, rules.ping, rules.team] } });
    expect(newlyDenied).toMatchObject({ total: 1, byAction: [{ name: 'ping', count: 1 }] });
    const wider = { ...rules.few, requests_per_period: 5 };
    const { newlyAllowed } = await simulate({ document: { rules: [rules.mfa, wider, rules.ping, rules.team] } });
    expect(newlyAllowed).toMatchObject({ total: 1, byAction: [{ name: 'ping', count: 1 }] });
  });

  it("never shows another tenant's decisions", async () => {
    const all = { id: 'all', type: 'selector', effect: 'forbid', who: { anyone: true } };
    const ours = await simulate({ document: { rules: [all] } });
    expect(JSON.stringify(ours)).not.toContain('zoe');
    const theirs = await simulate({ document: { rules: [all] } }, stranger);
    expect(JSON.stringify(theirs)).toContain('zoe');
    expect(JSON.stringify(theirs)).not.toMatch(/user\/(ann|bob|eve)/);
    expect(theirs.decisions).toBeLessThan(ours.decisions);
  });
});

describe('what a replay may not', () => {
  it.each<[string, object, number]>([
    ['no candidate', { from }, 400],
    ['a candidate of two kinds', { candidate: { text: '', digest: 'x' }, from }, 400],
    ['times the wrong way round', { candidate: 'active', from, to: '2020-01-01T00:00:00Z' }, 400],
    ['no time', { candidate: 'active', from: 'yesterday' }, 400],
    ['an unknown version', { candidate: { digest: `sha256:${'0'.repeat(64)}` }, from }, 404],
  ])('%s', async (_name, body, status) => {
    expect(await owner.call('/simulations', body)).toMatchObject({ status });
  });

  it('a candidate with errors, told with their lines', async () => {
    const text = 'rules:\n  - { id: a, type: access, mode: alow, patterns: ["*"] }\n';
    const answer = await owner.call('/simulations', { candidate: { text }, from });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'policy_invalid', errors: [{ path: 'rules.0.mode', line: 2 }] },
    });
  });

  it("another tenant's version or simulation, or be asked for by a developer", async () => {
    const { body } = await owner.call('/versions', { document: first });
    const candidate = { digest: body.digest };
    expect(await stranger.call('/simulations', { candidate, from })).toMatchObject({ status: 404 });
    const started = await owner.call('/simulations', { candidate, from });
    const path = `/simulations/${started.body.simulationId}`;
    expect(await stranger.call(path)).toMatchObject({ status: 404 });
    expect(await stranger.call(path, undefined, { method: 'DELETE' })).toMatchObject({ status: 404 });
    await ended(owner, started);
    const developer = await tenant.person('developer');
    expect(await developer.call('/simulations', { candidate, from })).toMatchObject({ status: 403 });
    expect(await developer.call(path)).toMatchObject({ status: 403 });
    expect(await developer.call('/tighten', { days: 1 })).toMatchObject({ status: 403 });
  });

  it('run twice at once in a tenant, and be found when it is lost', async () => {
    // A decision by a version whose text has to be read: as long as nobody may read texts, its replay can't end.
    await database.query(
      `insert into policy.events (id, tenant_id, stream_id, revision, type, envelope)
       select gen_random_uuid(), tenant_id, 'decision:of-another-version', 1, type,
         jsonb_set(envelope::jsonb, '{data,policy}', '"sha256:another"')::text
       from policy.events where tenant_id = $1 and type = 'decision.recorded' limit 1`,
      [strangers.id],
    );
    await waitFor(async () => (await simulate('active', stranger)).undecidable.total > 0, {
      message: 'a replay that comes past that decision',
    });
    await database.query('begin');
    await database.query('lock table policy.policy_texts in access exclusive mode');
    const started = await stranger.call('/simulations', { candidate: 'active', from });
    const path = `/simulations/${started.body.simulationId}`;
    const isHeld = `select from pg_locks where relation = 'policy.policy_texts'::regclass and not granted`;
    await waitFor(async () => (await database.query(isHeld)).rowCount, { message: 'the replay to wait for the text' });
    const again = await stack.call('/api/v1/policy/simulations', {
      key: stranger.key,
      body: { candidate: 'active', from },
    });
    expect([again.status, again.headers.get('retry-after')]).toEqual([429, '5']);
    const recorded = async () => (await recordedOf(strangers.id)).length;
    const before = await recorded();
    const cancelled = stranger.call(path, undefined, { method: 'DELETE' });
    // Its decision stands in the log, and a later one has been answered: so the replay knows that it is to end.
    await waitFor(async () => (await recorded()) > before, { message: 'the decision on the cancellation' });
    expect(await stranger.call(path)).toMatchObject({ status: 200, body: { status: 'running' } });
    await database.query('rollback');
    expect(await cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(await stranger.call(path)).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    const lost = await stranger.call('/simulations/00000000-0000-4000-8000-000000000000');
    expect(lost).toMatchObject({ status: 404, body: { detail: expect.stringContaining('Start it again') } });
  });
});

describe('tighten', () => {
  it('proposes what nobody used, never an owner, and a candidate that denies nothing', async () => {
    await grant(owner, 'fay', 'admin');
    await grant(owner, 'gus', 'owner');
    const result = (await ended(owner, await owner.call('/tighten', { days: 1 }))).result as Found;
    const proposed = result.grants.listed.map(({ subject, role }) => `${subject.id} ${role}`);
    expect(proposed).toContain('fay admin');
    // By use, by use on a project, and by a rule that asks for the role.
    for (const used of ['ann developer', 'dan maintainer', 'cid user']) expect(proposed).not.toContain(used);
    expect(result.grants.listed.filter(({ role, scope }) => role === 'owner' && scope === '*')).toEqual([]);
    expect(result.unusedRules).toEqual(['idle']);
    expect(result.document.rules.map(({ id }) => id)).toEqual(['mfa', 'few', 'ping', 'team']);
    expect(result.replay).toMatchObject({ newlyDenied: { total: 0 }, newlyAllowed: { total: 0 } });
    expect(result.replay.decisions).toBeGreaterThan(30);
  });

  it('wants a number of days', async () => {
    for (const days of [0, 1.5, 4_000, '7'])
      expect(await owner.call('/tighten', { days })).toMatchObject({ status: 400 });
  });
});
