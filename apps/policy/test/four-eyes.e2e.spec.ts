import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type PolicyStack, startPolicyStack } from './policy-stack.js';
import { type Somebody, TestTenant } from './tenant.js';

let stack: PolicyStack;
let tenant: TestTenant;
let [ann, bob]: Somebody[] = [];

beforeAll(async () => {
  stack = await startPolicyStack();
});
afterAll(() => stack?.stop());

const settings = (by: Somebody, body: object) =>
  by.call('/settings', { mode: 'strict', fourEyes: true, reason: 'four eyes', ...body }, { method: 'PUT' });

beforeEach(async () => {
  tenant = new TestTenant(stack);
  ann = await tenant.create();
  bob = await tenant.person('admin');
  expect((await settings(ann, {})).status).toBe(200);
});

const draft = async (by: Somebody, action = 'printer.use') => {
  const rules = [{ id: 'r', type: 'selector', effect: 'permit', actions: [action], who: { anyone: true } }];
  return (await by.call('/versions', { document: { rules } })).body.digest;
};

const request = async (by: Somebody, digest: string, headers: Record<string, string> = {}) => {
  const asked = await by.call(`/versions/${digest}/activate`, { reason: 'needed' }, { headers });
  expect(asked).toMatchObject({ status: 202, body: { status: 'awaiting_approval' } });
  return asked.body.requestId;
};

const approve = (by: Somebody, requestId: string, headers: Record<string, string> = {}) =>
  by.call(`/activations/${requestId}/approve`, undefined, { method: 'POST', headers });
const active = async () => (await ann?.call('/active'))?.body;

describe('four eyes', () => {
  it('activate when a second person agrees, once', async () => {
    const [a, b] = [ann, bob] as [Somebody, Somebody];
    const digest = await draft(a);
    const headers = { 'idempotency-key': 'ask-once' };
    const requestId = await request(a, digest, headers);
    expect(await request(a, digest, headers)).toBe(requestId);
    expect(await tenant.decides(a, 'user/x', 'printer.use', 'printer/p')).toBe(false);
    expect((await a.call('/activations')).body.requests).toMatchObject([{ requestId, digest, reason: 'needed' }]);
    const again = { 'idempotency-key': 'agree-once' };
    const agreed = await approve(b, requestId, again);
    expect(agreed).toMatchObject({ status: 200, body: { status: 'activated', digest, requestId } });
    expect((await approve(b, requestId, again)).body).toEqual(agreed.body);
    expect(await tenant.decides(a, 'user/x', 'printer.use', 'printer/p')).toBe(true);
    expect(await approve(b, requestId)).toMatchObject({ status: 409, body: { code: 'request_closed' } });
  });

  it('are not two keys of one person, and not a service', async () => {
    const a = ann as Somebody;
    const requestId = await request(a, await draft(a));
    for (const [by, code] of [
      [a, 'own_request'],
      [await tenant.another(a.id), 'own_request'],
      [await tenant.service('bot', ['owner'], a), 'approver_not_a_person'],
    ] as const)
      expect(await approve(by, requestId)).toMatchObject({ status: 403, body: { code } });
    expect(await active()).toMatchObject({ digest: null });
  });

  it('are not whoever made the service that asks', async () => {
    const [a, b] = [ann, bob] as [Somebody, Somebody];
    const ci = await tenant.service('ci', ['admin'], b);
    const requestId = await request(ci, await draft(ci));
    expect(await approve(b, requestId)).toMatchObject({ status: 403, body: { code: 'own_request' } });
    // Nor is it better by two services, one made by the other.
    const bot = await tenant.service('bot', ['admin'], ci);
    const second = await request(bot, await draft(bot, 'x.do'));
    expect(await approve(b, second)).toMatchObject({ body: { code: 'own_request' } });
    expect((await approve(a, requestId)).status).toBe(200);
  });

  it('need the right to activate, in this tenant', async () => {
    const a = ann as Somebody;
    const requestId = await request(a, await draft(a));
    expect((await approve(await tenant.person('developer'), requestId)).status).toBe(403);
    const elsewhere = await new TestTenant(stack).create();
    expect((await approve(elsewhere, requestId)).status).toBe(404);
    const reject = (by: Somebody) => by.call(`/activations/${requestId}/reject`, { reason: 'no' });
    expect((await reject(elsewhere)).status).toBe(404);
    expect((await reject(a)).status).toBe(200);
    expect(await approve(bob as Somebody, requestId)).toMatchObject({ body: { code: 'request_closed' } });
  });

  it('agree to nothing they did not see: what was asked before another activation is void', async () => {
    const [a, b] = [ann, bob] as [Somebody, Somebody];
    const [one, two] = [await request(a, await draft(a, 'a.do')), await request(a, await draft(a, 'b.do'))];
    expect((await approve(b, one)).status).toBe(200);
    expect(await approve(b, two)).toMatchObject({ status: 409, body: { code: 'request_void' } });
  });

  it('agree to one of two at the same moment', async () => {
    const [a, b] = [ann, bob] as [Somebody, Somebody];
    const ids = [await request(a, await draft(a, 'a.do')), await request(a, await draft(a, 'b.do'))];
    const answers = await Promise.all(ids.map((id) => approve(b, id)));
    expect(answers.map(({ body }) => body.code ?? body.status).sort()).toEqual(['activated', 'request_void']);
  });

  it('are needed to be rid of them, for the mode, and to go back', async () => {
    const [a, b] = [ann, bob] as [Somebody, Somebody];
    expect((await approve(b, await request(a, await draft(a)))).status).toBe(200);
    expect(await a.call('/rollback', { reason: 'back' })).toMatchObject({ status: 202 });
    const mode = await settings(a, { mode: 'audit_only' });
    expect(mode.status).toBe(202);
    expect(await active()).toMatchObject({ mode: 'strict', fourEyes: true });
    expect((await approve(b, mode.body.requestId)).status).toBe(200);
    const off = await settings(b, { mode: 'audit_only', fourEyes: false });
    expect(off.status).toBe(202);
    expect(await approve(b, off.body.requestId)).toMatchObject({ body: { code: 'own_request' } });
    expect((await approve(a, off.body.requestId)).status).toBe(200);
    expect(await active()).toMatchObject({ mode: 'audit_only', fourEyes: false });
  });
});
