import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { call, connectBus } from '@gatehouse/bus';
import { decide } from '@gatehouse/contracts';
import { freePort } from '@gatehouse/local-servers';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type PolicyStack, question, startPolicyStack } from './policy-stack.js';
import { type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let tenant: TestTenant;
let owner: Somebody;
let admin: pg.Client;

beforeAll(async () => {
  stack = await startPolicyStack();
  admin = new pg.Client({ connectionString: stack.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await stack?.stop();
});
beforeEach(async () => {
  tenant = new TestTenant(stack);
  owner = await tenant.create();
});

const activate = async (...rules: readonly object[]) => {
  const drafted = await owner.call('/versions', { document: { rules } });
  expect(drafted).toMatchObject({ status: 201 });
  const { status } = await owner.call(`/versions/${drafted.body.digest}/activate`, { reason: 'test' });
  expect(status).toBe(200);
};
const settings = async (mode: string) =>
  expect((await owner.call('/settings', { mode, fourEyes: false, reason: 'test' }, { method: 'PUT' })).status).toBe(
    200,
  );

interface Answer {
  readonly decision: boolean;
  readonly context: { readonly id: string; readonly [member: string]: unknown };
}
const evaluate = async (asked: object, base?: string): Promise<Answer> => {
  const path = '/access/v1/evaluation';
  const response = base
    ? await fetch(`${base}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${owner.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(asked),
      })
    : await stack.call(path, { key: owner.key, body: asked });
  const body = (await response.json()) as Answer;
  expect({ status: response.status, body: body }).toMatchObject({ status: 200 });
  return body;
};
const evaluations = async (body: object) => {
  const response = await stack.call('/access/v1/evaluations', { key: owner.key, body });
  expect(response.status).toBe(200);
  return (await response.json()) as { context: object; evaluations: readonly Answer[] };
};
const recorded = async (id: string) => {
  const { rows } = await admin.query('select envelope from policy.events where id = $1', [id.split('.')[0]]);
  return JSON.parse(rows[0].envelope).data;
};

const anyone = { type: 'selector', effect: 'permit', who: { anyone: true } } as const;
const readers = { ...anyone, id: 'readers', actions: ['book.read'] };
const read = (subject = 'user/ann', more: object = {}) => ({ ...question(subject, 'book.read', 'book/1'), ...more });
const burn = question('user/ann', 'book.burn', 'book/1');

describe('a policy that asks something', () => {
  it('has its obligations answered and their rules recorded', async () => {
    const obligation = { type: 'step-up', properties: { acr: 'mfa' } };
    await activate(readers, { type: 'obligation', id: 'prove', on: 'permit', obligation });
    const answer = await evaluate(read());
    expect(answer).toMatchObject({ decision: true, context: { obligations: [{ id: 'prove', ...obligation }] } });
    expect(await recorded(answer.context.id)).toMatchObject({ obligations: ['prove'] });
    const { evaluations: items } = await evaluations({
      ...read(),
      evaluations: [{}, { action: { name: 'book.burn' } }],
    });
    expect(items[0]?.context.obligations).toHaveLength(1);
    expect(items[1]?.context).not.toHaveProperty('obligations');
  });

  it('has what it read recorded, and nothing else, without an address', async () => {
    await activate({ ...readers, when: { 'context.mail': { exists: true }, 'subject.level': { gt: 3 } } });
    const body = read('user/ann@example.org', { context: { mail: 'ann@example.org', other: 'x' } });
    const answer = await evaluate({ ...body, subject: { ...body.subject, properties: { level: 4, secret: 's' } } });
    expect(answer.decision).toBe(true);
    const data = await recorded(answer.context.id);
    expect(data.given).toEqual({
      context: { mail: expect.stringMatching(/^p_.{22}@example\.org$/) },
      subject: { level: 4 },
    });
    expect(JSON.stringify(data)).not.toContain('ann@');
  });

  it('tells what a default deny lacked', async () => {
    await activate({ ...readers, who: { teams: ['staff'] } });
    expect(await evaluate(read())).toMatchObject({
      decision: false,
      context: { reason: 'no_grant', evidence: { needed: { rules: ['readers'] } } },
    });
  });
});

describe('a tenant that only audits', () => {
  it('answers yes with what would have been, records it so, and stops when it is strict again', async () => {
    await settings('audit_only');
    const answer = await evaluate(burn);
    const would = { decision: false, reason: 'no_grant' };
    expect(answer).toMatchObject({ decision: true, context: { mode: 'audit_only', would } });
    expect(await recorded(answer.context.id)).toMatchObject({ decision: true, reason: 'no_grant', mode: 'audit_only' });
    const { evaluations: items } = await evaluations({ ...burn, evaluations: [{}] });
    expect(items[0]).toMatchObject({ decision: true, context: { mode: 'audit_only', would } });
    await settings('strict');
    expect(await evaluate(burn)).toMatchObject({ decision: false });
  });

  it('gives nobody a right over Gatehouse: not by asking, not by calling, not for our services', async () => {
    await settings('audit_only');
    const reader = await tenant.person('viewer');
    for (const action of ['role.grant', 'policy.activate', 'key.create', 'decision.evaluate', 'tenant.transfer'])
      expect(await tenant.decides(owner, `user/${reader.id}`, action, 'role/owner')).toBe(false);
    const grant = { subject: { type: 'user', id: reader.id }, role: 'owner' };
    expect((await reader.call('/grants', grant)).status).toBe(403);
    expect(
      (await reader.call('/settings', { mode: 'strict', fourEyes: false, reason: 'x' }, { method: 'PUT' })).status,
    ).toBe(403);
    expect((await stack.ask(reader.key, 'user/ann', 'book.burn', 'book/1')).status).toBe(403);
    const nc = await connectBus({ servers: stack.nats.url, user: 'identity' });
    const answer = await call(nc, decide, {
      tenantId: tenant.id,
      subject: { type: 'user', id: reader.id },
      action: 'book.burn',
      resource: { type: 'book', id: '1' },
      caller: { type: 'gatehouse', id: 'identity' },
    });
    await nc.close();
    expect(answer.decision).toBe(false);
  });

  it('is no other tenant', async () => {
    await settings('audit_only');
    owner = await new TestTenant(stack).create();
    expect(await evaluate(burn)).toMatchObject({ decision: false });
  });
});

describe('a question about the past', () => {
  it('is decided by what was, recorded as such, neither counted nor obliging nor audited', async () => {
    const before = (await evaluate(read())).context.evidence as { facts: string };
    await activate(
      readers,
      { type: 'rate_limit', id: 'one', requests_per_period: 1, period_seconds: 3600, scope: 'global' },
      { type: 'obligation', id: 'tell', on: 'any', obligation: { type: 'notification' } },
    );
    const now = (await evaluate(burn)).context.evidence as { facts: string };
    const at = async (as_of: string) => evaluate(read('user/ann', { context: { as_of } }));
    for (let i = 0; i < 3; i++) {
      const answer = await at(now.facts);
      expect(answer).toMatchObject({ decision: true, context: { as_of: now.facts, position: expect.any(String) } });
      expect(answer.context).not.toHaveProperty('obligations');
    }
    await settings('audit_only');
    const past = await at(before.facts);
    expect(past).toMatchObject({ decision: false, context: { reason: 'no_grant' } });
    expect(await recorded(past.context.id)).toMatchObject({ decision: false, asOf: before.facts });
    const { context, evaluations: items } = await evaluations({
      ...read(),
      context: { as_of: now.facts },
      evaluations: [{}, {}],
    });
    expect(context).toMatchObject({ as_of: now.facts });
    expect(items.map(({ decision }) => decision)).toEqual([true, true]);
  });

  it('is none about the future, nor about no moment', async () => {
    for (const as_of of ['18446744073709551615.1', '2999-01-01T00:00:00Z', 'yesterday', 7])
      for (const path of ['/access/v1/evaluation', '/access/v1/evaluations']) {
        const body = { ...read('user/ann', { context: { as_of } }), evaluations: [] };
        expect((await stack.call(path, { key: owner.key, body })).status).toBe(400);
      }
  });
});

describe('rate limits', () => {
  const limit = { type: 'rate_limit', id: 'few', requests_per_period: 3, period_seconds: 86_400, scope: 'per_user' };

  it('refuse what is permitted otherwise, tell when to come back, and are recorded', async () => {
    await activate(readers, limit);
    expect(await evaluate(burn)).toMatchObject({ decision: false, context: { reason: 'no_grant' } });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await evaluate(read()));
    expect(answers.map(({ decision }) => decision)).toEqual([true, true, true, false]);
    const rate_limit = { id: 'few', limit: 3, remaining: 0, reset: expect.any(Number) };
    expect(answers[3]?.context).toMatchObject({ reason: 'rate_limited', rate_limit });
    for (const { context, decision } of [answers[0], answers[3]] as Answer[])
      expect(await recorded(context.id)).toMatchObject({ decision, limits: ['few'] });
    expect(await evaluate(read('user/bob'))).toMatchObject({ decision: true });
  });

  it('count the items of a batch in their order, and nothing behind the end of one', async () => {
    await activate(readers, limit);
    const items = { ...read(), evaluations: [{}, burn, {}, {}, {}] };
    const first = await evaluations({ ...items, options: { evaluations_semantic: 'permit_on_first_permit' } });
    expect(first.evaluations).toHaveLength(1);
    const all = await evaluations(items);
    expect(all.evaluations.map(({ decision }) => decision)).toEqual([true, false, true, false, false]);
    expect(all.evaluations.map(({ context }) => context.reason)).toEqual([
      'permitted',
      'no_grant',
      'permitted',
      'rate_limited',
      'rate_limited',
    ]);
  });

  it('per credential: that of the subject where the enforcement point names it, else its own', async () => {
    await activate(readers, { ...limit, scope: 'per_key', requests_per_period: 1 });
    const by = async (credential?: string) =>
      (await evaluate(read('user/ann', credential === undefined ? {} : { context: { credential } }))).decision;
    expect([await by('a'), await by('a'), await by('b'), await by(), await by()]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('three replicas', () => {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const children: ChildProcess[] = [];
  const replicas: string[] = [];

  beforeAll(async () => {
    for (let i = 0; i < 3; i++) {
      const port = await freePort();
      const env = { ...stack.env, SERVICE_PORT: String(port) };
      children.push(spawn(process.execPath, [main, 'serve'], { env, stdio: 'ignore' }));
      replicas.push(`http://127.0.0.1:${port}`);
    }
    for (const base of replicas) {
      const isReady = () =>
        fetch(`${base}/readyz`).then(
          (r) => r.ok,
          () => false,
        );
      await waitFor(isReady, { timeoutMs: 60_000, message: 'the replica is ready' });
    }
  });
  afterAll(async () => {
    for (const child of children) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  it('let in together what the limit says, within 5 %, a burst and what grows back', async () => {
    const [burst, perSecond] = [20, 5];
    await activate(readers, {
      ...{ type: 'rate_limit', id: 'shared', scope: 'per_tenant', burst },
      ...{ requests_per_period: perSecond, period_seconds: 1 },
    });
    const known = (base: string) => async () =>
      (await evaluate(read('user/probe', { action: { name: 'book.burn' } }), base)).context.evidence;
    const digests = async () =>
      new Set((await Promise.all(replicas.map((base) => known(base)()))).map((e) => (e as { policy: string }).policy));
    await waitFor(async () => (await digests()).size === 1, { message: 'all replicas decide by the policy' });
    let [admitted, refused] = [0, 0];
    const startedAt = performance.now();
    const endAt = startedAt + 6_000;
    let lastAt = startedAt;
    const caller = async (base: string) => {
      while (performance.now() < endAt) {
        const { decision } = await evaluate(read(), base);
        if (!decision) refused++;
        else {
          admitted++;
          lastAt = performance.now();
        }
      }
    };
    await Promise.all(replicas.flatMap((base) => Array.from({ length: 6 }, () => caller(base))));
    const expected = burst + (perSecond * (lastAt - startedAt)) / 1_000;
    // More was asked than let in, or the limit was not tried.
    expect(refused).toBeGreaterThan(admitted);
    expect(admitted / expected).toBeGreaterThan(0.95);
    expect(admitted / expected).toBeLessThan(1.05);
  });
});
