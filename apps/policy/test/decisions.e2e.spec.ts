import { call, connectBus } from '@gatehouse/bus';
import { decide } from '@gatehouse/contracts';
import { startService } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { policyService } from '../src/app.module.js';
import { type PolicyStack, question, startPolicyStack, tenant, untilKnown } from './policy-stack.js';

let stack: PolicyStack;
let operator: string;

const grant = (subject: string, role: string, scope = '*') => {
  const slash = subject.indexOf('/');
  return stack.call('/api/v1/policy/grants', {
    key: operator,
    body: { subject: { type: subject.slice(0, slash), id: subject.slice(slash + 1) }, role, scope },
  });
};

const recorded = async (): Promise<{ tenant_id: string; envelope: string }[]> => {
  const client = new pg.Client({ connectionString: stack.adminUrl });
  await client.connect();
  const { rows } = await client.query(`select tenant_id, envelope from policy.events where type = 'decision.recorded'`);
  await client.end();
  return rows;
};

beforeAll(async () => {
  stack = await startPolicyStack();
  const created = await stack.identity.createKey(tenant, 'operator', ['owner']);
  operator = created.key;
  await untilKnown(stack, operator);
});
afterAll(async () => stack.stop());

describe('the access matrix of the platform page, over HTTP', () => {
  const matrix: [string, string, string, boolean][] = [
    ['maintainer', 'deploy.production', 'project/app-web', true],
    ['maintainer', 'deploy.preview', 'project/app-web', true],
    ['maintainer', 'logs.read', 'runtime/app-web', true],
    ['maintainer', 'secret.write', 'production', true],
    ['maintainer', 'members.invite', 'project/app-web', true],
    ['maintainer', 'billing.manage', 'project/app-web', false],
    ['developer', 'deploy.production', 'project/app-web', false],
    ['developer', 'secret.write', 'production', false],
    ['viewer', 'logs.read', 'runtime/app-web', true],
  ];

  beforeAll(async () => {
    for (const role of ['maintainer', 'developer', 'viewer'])
      expect((await grant(`user/${role}-07`, role)).status).toBe(201);
  });

  it.each(matrix)('%s %s on %s: %s', async (role, action, resource, expected) => {
    const response = await stack.ask(operator, `user/${role}-07`, action, resource);
    expect(response.status).toBe(200);
    const answer = (await response.json()) as { decision: boolean; context: { id: string; reason: string } };
    expect(answer.decision).toBe(expected);
    // P1: the answer is there, so the record must be.
    const events = (await recorded()).map((row) => JSON.parse(row.envelope));
    const event = events.find((candidate) => candidate.id === answer.context.id);
    expect(event?.data).toMatchObject({ action, decision: expected, reason: answer.context.reason });
    expect(event?.actor).toEqual({ type: 'service', id: 'operator' });
  });
});

describe('AuthZEN 1.0', () => {
  const evaluation = (body: unknown, headers = {}) =>
    stack.call('/access/v1/evaluation', { key: operator, body, headers });
  const evaluations = async (body: unknown) => {
    const response = await stack.call('/access/v1/evaluations', { key: operator, body });
    return { status: response.status, body: (await response.json()) as { evaluations: { decision: boolean }[] } };
  };
  const good = question('user/maintainer-07', 'deploy.production', 'project/app-web');
  const denied = question('user/viewer-07', 'deploy.production', 'project/app-web');
  const hiding = { ...good, resource: { type: 'project', id: `${'@/'.repeat(60)}private` } };

  it.each<[string, unknown]>([
    ['no subject', { ...good, subject: undefined }],
    ['an ill-typed subject', { ...good, subject: 'maintainer' }],
    ['a number for an id', { ...good, resource: { type: 'project', id: 7 } }],
    ['no action name', { ...good, action: {} }],
    ['a list', [good]],
    ['an end that the record would hide', hiding],
    ['no JSON', '{"subject":'],
    ['an empty body', ''],
  ])('answers 400 to %s', async (_name, body) => {
    const response = await evaluation(body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });

  it('answers 400 to another content type', async () => {
    const response = await evaluation(JSON.stringify(good), { 'content-type': 'text/plain' });
    expect(response.status).toBe(400);
  });

  it('ignores unknown members, and echoes the request id', async () => {
    const response = await evaluation(
      { ...good, more: 1, subject: { ...good.subject, more: 1 } },
      { 'x-request-id': 'request-1234' },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('request-1234');
  });

  it('answers 401 without credentials and 403 to a key that may not ask', async () => {
    expect((await stack.call('/access/v1/evaluation', { body: good })).status).toBe(401);
    const { key } = await stack.identity.createKey(tenant, 'reader', ['viewer']);
    await untilKnown(stack, key, 403);
    expect((await stack.ask(key, 'user/viewer-07', 'logs.read', 'runtime/app-web')).status).toBe(403);
  });

  it('takes top-level members as defaults, replaced whole by an item', async () => {
    const { status, body } = await evaluations({ ...good, evaluations: [{}, { action: { name: 'billing.manage' } }] });
    expect(status).toBe(200);
    expect(body.evaluations.map((answer) => answer.decision)).toEqual([true, false]);
  });

  it('keeps a good batch when one item is bad', async () => {
    const { status, body } = await evaluations({ evaluations: [good, { ...good, subject: { type: 'user' } }, good] });
    expect(status).toBe(200);
    expect(body.evaluations.map((answer) => answer.decision)).toEqual([true, false, true]);
    expect(body.evaluations[1]).toMatchObject({ context: { error: { status: 400 } } });
  });

  it.each([
    ['execute_all', [true, false, true]],
    ['deny_on_first_deny', [true, false]],
    ['permit_on_first_permit', [true]],
  ])('keeps it when the record would hide the end of an item, %s', async (evaluations_semantic, expected) => {
    const { status, body } = await evaluations({
      options: { evaluations_semantic },
      evaluations: [good, hiding, good],
    });
    expect(status).toBe(200);
    expect(body.evaluations.map((answer) => answer.decision)).toEqual(expected);
    const error = { status: 400, message: expect.stringMatching(/^evaluations\.1 has more addresses/) };
    if (expected.length > 1) expect(body.evaluations[1]).toMatchObject({ context: { error } });
  });

  it.each([
    ['deny_on_first_deny', [true, false]],
    ['permit_on_first_permit', [true]],
    ['execute_all', [true, false, true]],
  ])('stops where %s says', async (evaluations_semantic, expected) => {
    const { body } = await evaluations({ options: { evaluations_semantic }, evaluations: [good, denied, good] });
    expect(body.evaluations.map((answer) => answer.decision)).toEqual(expected);
  });

  it('is a single evaluation without a list or with an empty one', async () => {
    for (const body of [good, { ...good, evaluations: [] }]) {
      const response = await stack.call('/access/v1/evaluations', { key: operator, body });
      expect(await response.json()).toMatchObject({ decision: true });
    }
  });

  it('describes itself', async () => {
    const response = await stack.call('/.well-known/authzen-configuration');
    expect(await response.json()).toMatchObject({
      policy_decision_point: 'https://localhost:8443',
      access_evaluation_endpoint: 'https://localhost:8443/access/v1/evaluation',
    });
  });
});

describe('grants', () => {
  it('counts at once for whoever made it, and no longer once revoked', async () => {
    const made = (await (await grant('user/temp', 'maintainer', 'project/shop')).json()) as { grantId: string };
    const may = async (resource: string) =>
      ((await (await stack.ask(operator, 'user/temp', 'deploy.production', resource)).json()) as { decision: boolean })
        .decision;
    expect(await may('project/shop')).toBe(true);
    expect(await may('project/other')).toBe(false);
    const again = (await (await grant('user/temp', 'maintainer', 'project/shop')).json()) as { grantId: string };
    expect(again.grantId).toBe(made.grantId);
    const revoked = await stack.call(`/api/v1/policy/grants/${made.grantId}`, { key: operator, method: 'DELETE' });
    expect(revoked.status).toBe(200);
    expect(await may('project/shop')).toBe(false);
  });

  it('never above the granter: an admin does not make an owner', async () => {
    const { key } = await stack.identity.createKey(tenant, 'administrator', ['admin']);
    await untilKnown(stack, key);
    const body = { subject: { type: 'service', id: 'administrator' }, role: 'owner' };
    const refused = await stack.call('/api/v1/policy/grants', { key, body });
    expect(refused.status).toBe(403);
    expect((await recorded()).some((row) => row.envelope.includes('"id":"owner","type":"role"'))).toBe(true);
  });

  it('keeps the last owner', async () => {
    const { key } = await stack.identity.createKey('lonely', 'operator', ['owner']);
    await untilKnown(stack, key);
    const list = (await (await stack.call('/api/v1/policy/grants', { key })).json()) as {
      grants: { grantId: string }[];
    };
    const path = `/api/v1/policy/grants/${list.grants[0]?.grantId}`;
    const refused = await stack.call(path, { key, method: 'DELETE' });
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'last_owner' });
    expect(list.grants).toHaveLength(1);
    const second = { subject: { type: 'user', id: 'second' }, role: 'owner' };
    expect((await stack.call('/api/v1/policy/grants', { key, body: second })).status).toBe(201);
    expect((await stack.call(path, { key, method: 'DELETE' })).status).toBe(200);
  });

  it('lists by subject, a page at a time', async () => {
    for (let i = 0; i < 5; i++) await grant('user/pages', 'viewer', `project/p${i}`);
    const seen: string[] = [];
    let cursor = '';
    do {
      const path = `/api/v1/policy/grants?subject_type=user&subject_id=pages&limit=2${cursor && `&cursor=${cursor}`}`;
      const page = (await (await stack.call(path, { key: operator })).json()) as {
        grants: { scope: string }[];
        nextCursor: string | null;
      };
      seen.push(...page.grants.map((row) => row.scope));
      cursor = page.nextCursor ?? '';
    } while (cursor);
    expect(seen.sort()).toEqual(['project/p0', 'project/p1', 'project/p2', 'project/p3', 'project/p4']);
  });
});

describe('tenants', () => {
  it('decides for the tenant of the key, whatever the other tenant holds', async () => {
    await grant('user/shared-name', 'owner');
    const { key } = await stack.identity.createKey('other', 'operator', ['owner']);
    await untilKnown(stack, key);
    const answer = await stack.ask(key, 'user/shared-name', 'logs.read', 'runtime/app-web');
    expect(await answer.json()).toMatchObject({ decision: false, context: { reason: 'no_grant' } });
    const list = (await (await stack.call('/api/v1/policy/grants', { key })).json()) as {
      grants: { subject: object }[];
    };
    expect(list.grants.map((row) => row.subject)).toEqual([{ type: 'service', id: 'operator' }]);
    expect((await stack.call('/api/v1/policy/projections', { key })).status).toBe(404);
  });

  it('is shown nothing of another tenant by SQL under the role of the service', async () => {
    const client = new pg.Client({ connectionString: stack.postgres.urlOf(stack.database, 'gatehouse_policy') });
    await client.connect();
    const count = async (table: string) =>
      Number((await client.query(`select count(*) as n from policy.${table}`)).rows[0].n);
    expect(await count('events')).toBe(0);
    expect(await count('grants')).toBe(0);
    await client.query('begin');
    await client.query(`select set_config('gatehouse.tenant', 'other', true)`);
    const { rows } = await client.query('select distinct tenant_id from policy.events');
    expect(rows).toEqual([{ tenant_id: 'other' }]);
    expect(await count('grants')).toBe(1);
    await client.query('rollback');
    await expect(client.query('select * from policy.known_keys')).rejects.toThrow('permission denied');
    await client.end();
  });
});

describe('personal identifiers', () => {
  it('are never recorded: an address becomes a pseudonym, the same everywhere', async () => {
    expect((await grant('user/ann@example.org', 'viewer')).status).toBe(201);
    const answer = await stack.ask(operator, 'user/ann@example.org', 'logs.read', 'runtime/app-web');
    expect(await answer.json()).toMatchObject({ decision: true });
    const client = new pg.Client({ connectionString: stack.adminUrl });
    await client.connect();
    const { rows } = await client.query('select envelope from policy.events');
    expect(rows.filter((row) => row.envelope.includes('ann@example'))).toEqual([]);
    const { rows: grants } = await client.query('select subject_id from policy.grants');
    expect(grants.filter((row) => row.subject_id.includes('ann@'))).toEqual([]);
    await client.end();
  });
});

describe('members and teams, as identity tells of them', () => {
  const ann = '0190a1b2-0000-7000-8000-00000000a001';
  const may = async (action: string, resource: string) =>
    ((await (await stack.ask(operator, `user/${ann}`, action, resource)).json()) as { decision: boolean }).decision;
  const until = (expected: boolean, action: string, resource: string) =>
    waitFor(async () => (await may(action, resource)) === expected, { message: `${action} ${expected}` });
  const tell = (type: string, data: object) => stack.identity.publish(tenant, type, { userId: ann, ...data });

  it('hold the role they were added with, and the new one when it changes', async () => {
    await tell('member.added', { role: 'viewer', via: 'invitation' });
    await until(true, 'logs.read', 'runtime/app-web');
    expect(await may('deploy.preview', 'project/app-web')).toBe(false);
    await tell('member.role_changed', { role: 'developer', previousRole: 'viewer' });
    await until(true, 'deploy.preview', 'project/app-web');
  });

  it('hold what their team holds, on that project only', async () => {
    await stack.identity.publish(tenant, 'project.role_granted', {
      projectId: 'shop',
      subject: { type: 'team', id: 'web' },
      role: 'maintainer',
    });
    await tell('team.member_added', { teamId: 'web' });
    await until(true, 'deploy.production', 'project/shop');
    expect(await may('deploy.production', 'project/other')).toBe(false);
    await tell('team.member_removed', { teamId: 'web' });
    await until(false, 'deploy.production', 'project/shop');
  });

  it('keep nothing when they leave, not even what was granted beside the role', async () => {
    expect((await grant(`user/${ann}`, 'maintainer', 'project/side')).status).toBe(201);
    await until(true, 'deploy.production', 'project/side');
    await tell('member.removed', { role: 'developer', reason: 'removed' });
    await until(false, 'deploy.production', 'project/side');
    expect(await may('logs.read', 'runtime/app-web')).toBe(false);
  });

  it('are found again by a replica that starts later', async () => {
    await tell('member.added', { role: 'viewer', via: 'invitation' });
    await tell('team.member_added', { teamId: 'web' });
    await until(true, 'deploy.production', 'project/shop');
    await stack.service.stop();
    stack.service = await startService(policyService, stack.env);
    await untilKnown(stack, operator);
    await until(true, 'deploy.production', 'project/shop');
  });
});

describe('a credential limited to some actions', () => {
  const decideWith = async (scopes?: string[], id = 'app-web') => {
    const nc = await connectBus({ servers: stack.nats.url, user: 'identity' });
    const answer = await call(nc, decide, {
      tenantId: tenant,
      subject: { type: 'service', id: 'operator' },
      action: 'logs.read',
      resource: { type: 'runtime', id },
      caller: { type: 'gatehouse', id: 'identity' },
      ...(scopes && { scopes }),
    }).finally(() => nc.close());
    return answer;
  };

  it('is told what cannot be decided', async () => {
    await expect(decideWith(undefined, `${'@/'.repeat(60)}private`)).rejects.toMatchObject({ code: 'malformed' });
  });

  it('does nothing else, and the refusal is recorded', async () => {
    expect((await decideWith()).decision).toBe(true);
    expect((await decideWith(['logs.*'])).decision).toBe(true);
    const refused = await decideWith(['key.*']);
    expect(refused).toMatchObject({ decision: false, reason: 'out_of_scope' });
    expect((await recorded()).some((row) => row.envelope.includes(refused.id))).toBe(true);
    expect((await decideWith([])).decision).toBe(false);
  });
});
