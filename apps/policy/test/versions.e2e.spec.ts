import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolicyStack, startPolicyStack } from './policy-stack.js';
import { type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let tenant: TestTenant;
let owner: Somebody;

beforeAll(async () => {
  stack = await startPolicyStack();
});
afterAll(() => stack?.stop());

const newTenant = async () => {
  tenant = new TestTenant(stack);
  owner = await tenant.create();
};

/** Permits somebody an action that no built-in role below admin has. */
const permits = (action: string, who: object = { anyone: true }) =>
  `rules:\n  - { id: r, type: selector, effect: permit, actions: [${action}], who: ${JSON.stringify(who)} }\n`;

const draft = async (by: Somebody, text: string): Promise<string> => {
  const { status, body } = await by.call('/versions', { text });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body.digest;
};
const activate = (by: Somebody, digest: string, more: object = {}, headers: Record<string, string> = {}) =>
  by.call(`/versions/${digest}/activate`, { reason: 'because', ...more }, { headers });
const mayPrint = () => tenant.decides(owner, 'user/somebody', 'printer.use', 'printer/p1');

describe('a version', () => {
  beforeAll(newTenant);

  it('is drafted, shown, compared, and decides nothing yet', async () => {
    const first = await owner.call('/versions', { text: permits('printer.use'), title: 'Printers' });
    expect(first).toMatchObject({ status: 201, body: { title: 'Printers', replaced: 0 } });
    const { digest } = first.body;
    expect(await owner.call('/versions', { text: `# the same\n${permits('printer.use')}` })).toMatchObject({
      status: 201,
      body: { digest },
    });
    expect(await owner.call(`/versions/${digest}`)).toMatchObject({
      status: 200,
      body: { title: 'Printers', activatedAt: null, document: { rules: [{ id: 'r' }] } },
    });
    const other = await draft(owner, permits('printer.clean'));
    expect(await owner.call(`/versions/${other}/diff?to=${digest}`)).toMatchObject({
      status: 200,
      body: { changes: [{ kind: 'rule', name: 'r', change: 'changed', members: [{ member: 'actions' }] }] },
    });
    const listed = await owner.call('/versions?limit=1');
    expect(listed.body.versions).toHaveLength(1);
    const next = await owner.call(`/versions?limit=1&cursor=${listed.body.nextCursor}`);
    const digests = [...listed.body.versions, ...next.body.versions].map((version) => version.digest);
    expect(digests).toEqual([other, digest]);
    expect(next.body).toMatchObject({ active: null, nextCursor: null });
    expect(await mayPrint()).toBe(false);
  });

  it('is refused with the line of each error', async () => {
    const text = 'rules:\n  - { id: a, type: access, mode: alow, patterns: ["*"] }\n';
    expect(await owner.call('/versions', { text })).toMatchObject({
      status: 400,
      body: { code: 'policy_invalid', errors: [{ path: 'rules.0.mode', line: 2, code: 'value_wrong' }] },
    });
    expect(await owner.call('/versions', { text: 'rules: [' })).toMatchObject({ status: 400 });
    expect(await owner.call('/versions', {})).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
  });

  it('is refused when it is too large, however it comes', async () => {
    const text = `# ${'x'.repeat(1_048_576)}`;
    expect((await owner.call('/versions', { text })).status).toBe(400);
    expect((await owner.call('/versions', { text: 'x'.repeat(4_000_000) })).status).toBe(413);
  });

  it('names nobody by his address, and matches him all the same', async () => {
    const { body } = await owner.call('/versions', { text: permits('printer.use', { users: ['ann@example.org'] }) });
    expect(body.replaced).toBe(1);
    const { document } = (await owner.call(`/versions/${body.digest}`)).body;
    expect(JSON.stringify(document)).not.toContain('ann@');
    expect((await activate(owner, body.digest)).status).toBe(200);
    expect(await tenant.decides(owner, 'user/ann@example.org', 'printer.use', 'printer/p1')).toBe(true);
    expect(await tenant.decides(owner, 'user/bob@example.org', 'printer.use', 'printer/p1')).toBe(false);
    expect(await owner.call('/versions', { text: permits('printer.use'), title: 'for ann@example.org' })).toMatchObject(
      { status: 400 },
    );
  });

  it('is another tenant’s secret', async () => {
    const digest = await draft(owner, permits('printer.use', { users: ['only-here'] }));
    const other = await new TestTenant(stack).create();
    for (const path of [`/versions/${digest}`, `/versions/${digest}/diff`])
      expect((await other.call(path)).status).toBe(404);
    expect((await activate(other, digest)).status).toBe(404);
    expect((await other.call(`/versions/${digest}/test`, {})).status).toBe(404);
    expect((await other.call('/versions')).body.versions).toEqual([]);
  });
});

describe('activation', () => {
  beforeAll(newTenant);

  it('decides from its answer on, goes back, and says why', async () => {
    const digest = await draft(owner, permits('printer.use'));
    expect(await activate(owner, digest, { expectedActive: null })).toMatchObject({
      status: 200,
      body: { status: 'activated', digest, previous: null },
    });
    expect(await mayPrint()).toBe(true);
    expect((await owner.call('/active')).body).toMatchObject({ digest, mode: 'strict', fourEyes: false });
    expect(await owner.call('/rollback', { reason: 'too wide' })).toMatchObject({
      status: 200,
      body: { digest: null, rollback: true },
    });
    expect(await mayPrint()).toBe(false);
    const { activations } = (await owner.call('/activations')).body;
    expect(activations).toMatchObject([
      { event: 'policy.activated', reason: 'too wide', rollback: true, by: { type: 'user', id: owner.id } },
      { event: 'policy.activated', reason: 'because', rollback: false },
    ]);
    expect(await owner.call('/rollback', { reason: 'again' })).toMatchObject({
      status: 409,
      body: { code: 'nothing_to_roll_back' },
    });
  });

  it('asks for a reason that may be recorded', async () => {
    const digest = await draft(owner, permits('printer.use'));
    for (const reason of ['', 'x'.repeat(501), 'ann@example.org wants it', undefined])
      expect((await activate(owner, digest, { reason })).status).toBe(400);
  });

  it('is done once for one Idempotency-Key, also when something else is active by then', async () => {
    const [a, b] = [await draft(owner, permits('a.do')), await draft(owner, permits('b.do'))];
    const headers = { 'idempotency-key': 'activate-a' };
    const first = await activate(owner, a, {}, headers);
    expect(first.status).toBe(200);
    expect((await activate(owner, b)).status).toBe(200);
    expect((await activate(owner, a, {}, headers)).body).toEqual(first.body);
    expect((await owner.call('/active')).body.digest).toBe(b);
    expect(await activate(owner, a, { expectedActive: a })).toMatchObject({
      status: 412,
      body: { code: 'stale_revision' },
    });
  });

  it('is refused while a test case fails', async () => {
    const test = (expected: string) =>
      `${permits('printer.use')}tests:\n  - name: visitors print\n    request: { subject: user/v, action: printer.use, resource: printer/p1 }\n    expect: ${expected}\n`;
    const wrong = await draft(owner, test('deny'));
    expect(await owner.call(`/versions/${wrong}/test`, {})).toMatchObject({ body: { passed: 0, failed: 1 } });
    expect(await activate(owner, wrong)).toMatchObject({
      status: 409,
      body: { code: 'policy_tests_failed', failed: 1, results: [{ name: 'visitors print' }] },
    });
    expect((await activate(owner, await draft(owner, test('permit')))).status).toBe(200);
    const other = {
      tests: [{ name: 'o', request: { subject: 'user/v', action: 'x.y', resource: 'printer/p1' }, expect: 'permit' }],
    };
    expect(await owner.call(`/versions/${wrong}/test`, other)).toMatchObject({ body: { passed: 0, failed: 1 } });
  });

  it('is not for who may only write', async () => {
    const maintainer = await tenant.person('maintainer');
    const digest = await draft(owner, permits('printer.use'));
    expect((await maintainer.call('/versions')).status).toBe(200);
    for (const [path, body] of [
      [`/versions/${digest}/activate`, { reason: 'r' }],
      ['/rollback', { reason: 'r' }],
      ['/versions', { text: '' }],
    ] as const)
      expect((await maintainer.call(path, body)).status).toBe(403);
    const settings = { mode: 'audit_only', fourEyes: false, reason: 'r' };
    expect((await maintainer.call('/settings', settings, { method: 'PUT' })).status).toBe(403);
  });
});

describe('who would like to be more than he is', () => {
  beforeAll(newTenant);

  it('gains no guarded action by any document', async () => {
    const admin = await tenant.person('admin');
    const digest = await draft(
      admin,
      `roles:
  - { name: king, inherits: [owner], rules: [{ effect: permit, actions: ["*"] }] }
rules:
  - { id: all, type: selector, effect: permit, actions: ["*"], who: { users: [${admin.id}, eve] } }
  - { id: names, type: access, mode: allow, patterns: ["*"] }
  - { id: cedar, type: cedar, text: "permit(principal, action, resource);" }
`,
    );
    expect((await activate(admin, digest)).status).toBe(200);
    // What is not guarded he may give himself, as whoever activates may: recorded, and with four eyes not alone.
    expect(await tenant.decides(admin, `user/${admin.id}`, 'printer.use', 'printer/p1')).toBe(true);
    for (const [action, resource] of [
      ['role.grant', 'role/owner'],
      ['role.revoke', 'role/owner'],
      ['tenant.close', `tenant/${tenant.id}`],
      ['tenant.transfer', `tenant/${tenant.id}`],
    ] as const)
      expect(await tenant.decides(admin, `user/${admin.id}`, action, resource)).toBe(false);
    for (const action of ['policy.activate', 'policy.write', 'policy.read', 'role.grant'])
      expect(await tenant.decides(admin, 'user/eve', action, 'policy/active')).toBe(false);
    // A role that inherits owner is above him, wherever and to whom he grants it.
    for (const [subject, scope] of [
      [{ type: 'user', id: admin.id }, '*'],
      [{ type: 'team', id: 'his' }, '*'],
      [{ type: 'user', id: 'eve' }, 'project/p'],
    ] as const)
      expect(await admin.call('/grants', { subject, role: 'king', scope })).toMatchObject({
        status: 403,
        body: { code: 'above_own_ceiling' },
      });
    expect((await admin.call('/grants', { subject: { type: 'user', id: admin.id }, role: 'owner' })).status).toBe(403);
  });

  it('closes nobody out for good: no document forbids activating another one', async () => {
    const digest = await draft(
      owner,
      'rules:\n  - { id: none, type: selector, effect: forbid, actions: ["*"], who: { anyone: true } }\n',
    );
    expect((await activate(owner, digest)).status).toBe(200);
    const subject = { type: 'user', id: 'x' };
    expect((await owner.call('/grants', { subject, role: 'viewer' })).status).toBe(403);
    expect((await owner.call('/rollback', { reason: 'locked out' })).status).toBe(200);
    expect((await owner.call('/grants', { subject, role: 'viewer' })).status).toBe(201);
  });

  it('acts in the tenant of the credential, whatever he is elsewhere', async () => {
    const elsewhere = new TestTenant(stack);
    const other = await elsewhere.create();
    await stack.identity.publish(tenant.id, 'member.added', { userId: other.id, role: 'viewer', via: 'invitation' });
    const here = { headers: { 'x-tenant-id': tenant.id } };
    const digest = await draft(other, permits('printer.use'));
    const before = (await owner.call('/active')).body.digest;
    expect((await other.call(`/versions/${digest}/activate`, { reason: 'r' }, here)).status).not.toBe(200);
    expect((await activate(other, digest)).status).toBe(200);
    expect((await owner.call('/active')).body.digest).toBe(before);
  });
});

describe('audit only', () => {
  beforeAll(newTenant);

  it('is set by who may activate, with a reason, and hands out no right of our own', async () => {
    const settings = { mode: 'audit_only', fourEyes: false, reason: 'trying out' };
    const put = (by: Somebody, body: object) => by.call('/settings', body, { method: 'PUT' });
    expect(await put(owner, settings)).toMatchObject({ status: 200, body: { status: 'changed', mode: 'audit_only' } });
    expect((await put(owner, { mode: 'audit_only', fourEyes: false })).status).toBe(400);
    const viewer = await tenant.person('viewer');
    expect((await viewer.call('/versions')).status).toBe(403);
    expect((await viewer.call('/grants', { subject: { type: 'user', id: viewer.id }, role: 'owner' })).status).toBe(
      403,
    );
    expect((await owner.call('/active')).body.mode).toBe('audit_only');
  });
});
