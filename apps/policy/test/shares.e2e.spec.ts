import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type PolicyStack, startPolicyStack } from './policy-stack.js';
import { type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let tenant: TestTenant;
let owner: Somebody;

beforeAll(async () => {
  stack = await startPolicyStack();
});
afterAll(() => stack?.stop());
beforeEach(async () => {
  tenant = new TestTenant(stack);
  owner = await tenant.create();
});

const user = (id: string) => ({ type: 'user', id });
const share = (by: Somebody, subject: object, role: string, resource: unknown) =>
  by.call('/shares', { subject, role, resource });
const grant = (by: Somebody, subject: object, role: string, scope = '*') =>
  by.call('/grants', { subject, role, scope });
const revoke = (by: Somebody, kind: 'grants' | 'shares', grantId: string) =>
  by.call(`/${kind}/${grantId}`, undefined, { method: 'DELETE' });
const activate = async (document: object) => {
  const drafted = await owner.call('/versions', { document });
  expect(drafted).toMatchObject({ status: 201 });
  const activated = await owner.call(`/versions/${drafted.body.digest}/activate`, { reason: 'test' });
  expect(activated.status).toBe(200);
  return drafted.body;
};

describe('sharing', () => {
  it('gives a role on one resource, is listed, and ends', async () => {
    const { status, body } = await share(owner, user('guest'), 'viewer', 'device/d1');
    expect(status).toBe(201);
    expect(await tenant.decides(owner, 'user/guest', 'logs.read', 'device/d1')).toBe(true);
    expect(await tenant.decides(owner, 'user/guest', 'logs.read', 'device/d2')).toBe(false);
    expect((await owner.call('/shares?resource_type=device&resource_id=d1')).body.shares).toMatchObject([
      { grantId: body.grantId, subject: user('guest'), role: 'viewer', scope: 'device/d1' },
    ]);
    expect((await revoke(owner, 'shares', body.grantId)).status).toBe(200);
    expect(await tenant.decides(owner, 'user/guest', 'logs.read', 'device/d1')).toBe(false);
    expect((await owner.call('/shares?resource_type=device&resource_id=d1')).body.shares).toEqual([]);
  });

  it('is done by whoever owns the resource, and by nobody else below admin', async () => {
    const [holder, other] = [await tenant.person('viewer'), await tenant.person('developer')];
    expect((await grant(owner, user(holder.id), 'owner', 'device/mine')).status).toBe(201);
    expect((await share(holder, user('friend'), 'developer', { type: 'device', id: 'mine' })).status).toBe(201);
    for (const [by, resource] of [
      [other, 'device/mine'],
      [holder, 'device/not-mine'],
    ] as const)
      expect((await share(by, user('friend'), 'viewer', resource)).status).toBe(403);
    // Nor does he end one, by either way, though the role is not above him.
    const ended = (await share(holder, user('friend'), 'viewer', 'device/mine')).body.grantId;
    for (const kind of ['shares', 'grants'] as const)
      expect(await revoke(other, kind, ended)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await revoke(holder, 'shares', ended)).status).toBe(200);
    expect((await other.call('/shares?resource_type=device&resource_id=mine')).status).toBe(403);
    expect((await holder.call('/shares?resource_type=device&resource_id=mine')).body.shares).toHaveLength(2);
  });

  it('never gives what the sharer has not, nor takes what is above him', async () => {
    const sharing = { id: 's', type: 'selector', effect: 'permit', actions: ['resource.share'] };
    await activate({ rules: [{ ...sharing, who: { roles: ['developer'] } }] });
    const developer = await tenant.person('developer');
    for (const role of ['owner', 'admin', 'maintainer'])
      expect(await share(developer, user(developer.id), role, 'device/d')).toMatchObject({
        status: 403,
        body: { code: 'above_own_ceiling' },
      });
    expect((await share(developer, user('x'), 'developer', 'device/d')).status).toBe(201);
    const above = await share(owner, user('y'), 'maintainer', 'device/d');
    expect(await revoke(developer, 'shares', above.body.grantId)).toMatchObject({
      status: 403,
      body: { code: 'above_own_ceiling' },
    });
    const whole = await grant(owner, user('z'), 'viewer');
    expect((await revoke(developer, 'shares', whole.body.grantId)).status).toBe(404);
  });

  it('reaches another tenant on single resources, never on everything', async () => {
    const other = new TestTenant(stack);
    const stranger = await other.create();
    const org = { type: 'org', id: other.id };
    expect(await tenant.decides(owner, `user/${stranger.id}`, 'logs.read', 'device/d')).toBe(false);
    expect((await share(owner, org, 'viewer', 'device/d')).status).toBe(201);
    expect(await tenant.decides(owner, `user/${stranger.id}`, 'logs.read', 'device/d')).toBe(true);
    expect(await tenant.decides(owner, `user/${stranger.id}`, 'logs.read', 'device/e')).toBe(false);
    for (const resource of ['*', { type: '*', id: '*' }, '', 'a/'])
      expect((await share(owner, org, 'viewer', resource)).status).not.toBe(201);
    expect(await grant(owner, org, 'viewer')).toMatchObject({
      status: 400,
      body: { code: 'foreign_tenant_on_everything' },
    });
    expect((await grant(owner, { type: 'org', id: tenant.id }, 'viewer')).status).toBe(201);
    // Nor is the grant, or who has it, anything to the other tenant.
    expect((await stranger.call('/shares?resource_type=device&resource_id=d')).body.shares).toEqual([]);
  });

  it('ends for nobody through another tenant', async () => {
    const { body } = await share(owner, user('guest'), 'viewer', 'device/d1');
    const stranger = await new TestTenant(stack).create();
    for (const kind of ['shares', 'grants'] as const)
      expect((await revoke(stranger, kind, body.grantId)).status).toBe(404);
    expect(await tenant.decides(owner, 'user/guest', 'logs.read', 'device/d1')).toBe(true);
  });
});

describe('custom roles', () => {
  const printing = { name: 'printing', rules: [{ effect: 'permit', actions: ['printer.use'] }] };

  it('are granted while the active policy has them', async () => {
    expect(await grant(owner, user('u'), 'printing')).toMatchObject({ status: 400, body: { code: 'role_unknown' } });
    await activate({ roles: [printing] });
    const made = await grant(owner, user('u'), 'printing');
    expect(made.status).toBe(201);
    expect(await tenant.decides(owner, 'user/u', 'printer.use', 'printer/p')).toBe(true);
    const without = await activate({ roles: [{ ...printing, name: 'other' }] });
    expect(without.warnings).toContainEqual(expect.objectContaining({ code: 'granted_role_missing' }));
    expect(await tenant.decides(owner, 'user/u', 'printer.use', 'printer/p')).toBe(false);
    expect((await revoke(owner, 'grants', made.body.grantId)).status).toBe(200);
  });

  it('are granted by an admin as far as he goes himself', async () => {
    const admin = await tenant.person('admin');
    const closing = { name: 'closing', rules: [{ effect: 'permit', actions: ['vault.unseal'] }] };
    const reading = { name: 'reading', rules: [{ effect: 'permit', actions: ['logs.read', 'secret.read'] }] };
    await activate({ roles: [closing, reading] });
    expect((await grant(admin, user('u'), 'reading')).status).toBe(201);
    expect(await grant(admin, user('u'), 'closing')).toMatchObject({ body: { code: 'above_own_ceiling' } });
    const held = await grant(owner, user('u'), 'closing');
    expect(await revoke(admin, 'grants', held.body.grantId)).toMatchObject({ body: { code: 'above_own_ceiling' } });
  });

  it('are edited as drafts of the active version, which must be the one that was read', async () => {
    const put = (digest: string, name = 'printing', rules: object[] = printing.rules) =>
      owner.call(`/roles/${name}`, { rules }, { method: 'PUT', headers: { 'if-match': `"${digest}"` } });
    const { digest: builtin } = (await owner.call('/roles')).body;
    const drafted = await put(builtin);
    expect(drafted).toMatchObject({ status: 201, body: { title: 'role printing', basedOn: builtin } });
    await owner.call(`/versions/${drafted.body.digest}/activate`, { reason: 'r' });
    expect((await put(builtin)).status).toBe(412);
    const { digest, roles } = (await owner.call('/roles')).body;
    expect(digest).toBe(drafted.body.digest);
    expect(roles.at(-1)).toMatchObject({ name: 'printing', builtin: false });
    expect(await put(digest, 'owner')).toMatchObject({ status: 409, body: { code: 'role_built_in' } });
    expect(await put(digest, 'printing', [{ effect: 'permit' }])).toMatchObject({ body: { code: 'policy_invalid' } });
    const headers = { 'if-match': `"${digest}"` };
    const removed = await owner.call('/roles/printing', undefined, { method: 'DELETE', headers });
    expect(removed.status).toBe(201);
    expect((await owner.call(`/versions/${removed.body.digest}`)).body.document).toEqual({});
    expect((await owner.call('/roles/nobody', undefined, { method: 'DELETE', headers })).status).toBe(404);
    expect((await owner.call('/roles/printing', { rules: [] }, { method: 'PUT' })).status).toBe(400);
    const maintainer = await tenant.person('maintainer');
    const asked = await maintainer.call('/roles/printing', { rules: [] }, { method: 'PUT', headers });
    expect(asked.status).toBe(403);
  });

  it('stand in the matrix, a few roles at a time', async () => {
    await activate({ roles: [printing] });
    const first = (await owner.call('/matrix?limit=6')).body;
    expect(first.roles.map((role) => role.name)).toEqual([
      ...['owner', 'admin', 'maintainer', 'developer', 'user', 'viewer'],
    ]);
    const { body } = await owner.call(`/matrix?limit=6&cursor=${first.nextCursor}`);
    expect(body.roles).toMatchObject([{ name: 'printing', builtin: false }]);
    expect(body.roles[0]?.cells).toEqual({
      'printer.use': Object.fromEntries(body.types.map((type) => [type, 'permit'])),
    });
    expect(body).toMatchObject({ nextCursor: null, actions: expect.arrayContaining(['printer.use', 'logs.read']) });
    const part = (await owner.call('/matrix?role=viewer&action=logs.&type=runtime')).body;
    expect(part).toMatchObject({
      truncated: false,
      actions: ['logs.read'],
      types: ['*'],
      roles: [{ name: 'viewer', cells: { 'logs.read': { '*': 'permit' } } }],
    });
    const named = (await owner.call('/matrix?role=developer&action=secret.write&type=scope')).body;
    expect(named).toMatchObject({ types: ['scope'], roles: [{ cells: { 'secret.write': { scope: 'some' } } }] });
    expect((await (await tenant.person('viewer')).call('/matrix')).status).toBe(403);
  });
});

describe('the last owner', () => {
  it('stays, also when the last two are revoked at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const own = new TestTenant(stack);
      const first = await own.create();
      const second = await own.person('owner');
      await grant(first, { type: 'team', id: 'nobody-in-it' }, 'owner');
      const list = await first.call('/grants?role=owner&active=true');
      const ids = list.body.grants.filter(({ subject }) => subject.type === 'user').map(({ grantId }) => grantId);
      expect(ids).toHaveLength(2);
      const answers = await Promise.all([first, second].map((by, i) => revoke(by, 'grants', ids[i] as string)));
      const statuses = answers.map(({ status }) => status).sort();
      // Either the second is told that he is the last, or he was no owner any more when he asked.
      expect([
        [200, 403],
        [200, 409],
      ]).toContainEqual(statuses);
      const left = await own.service('look', ['owner']);
      const after = await left.call('/grants?role=owner&active=true&subject_type=user');
      expect(after.body.grants).toHaveLength(1);
    }
  });
});
