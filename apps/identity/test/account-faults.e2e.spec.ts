import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { auth, goodPassword, login, registerPerson, tokenFor } from './account.fixture.js';
import { api, works } from './api.fixture.js';
import { type CommitGate, startCommitGate } from './commit-gate.fixture.js';
import { type Replica, type ReplicaApart, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let gate: CommitGate;
let mail: string;
let operatorKey: string;

beforeAll(async () => {
  stack = await startStack();
  mail = join(stack.folder, 'mail');
  gate = await startCommitGate(stack.postgres.port);
  ({ operatorKey } = await stack.bootstrap());
});

afterAll(async () => {
  await gate?.stop();
  await stack?.stop();
});

afterEach(() => stack.stopReplicas());

/** Kills the service on one side of the commit of what writes `text`, and starts another one. */
async function killDuring(
  replica: ReplicaApart,
  text: string,
  side: 'before' | 'after',
  send: (at: Replica) => Promise<unknown>,
): Promise<Replica> {
  const held = gate.hold(text, side);
  const unanswered = expect(send(replica)).rejects.toThrow('fetch failed');
  await held;
  await replica.child.kill9();
  await unanswered;
  return stack.serveApart({ MAIL_FOLDER: mail });
}

const throughGate = () => stack.serveApart({ MAIL_FOLDER: mail, DATABASE_URL: stack.databaseUrl(gate.port) });

const countOf = async (type: string, userId: string) =>
  (
    await stack.superuser(`select from identity.events where envelope::jsonb->>'type' = $1 and envelope like $2`, [
      type,
      `%"userId":"${userId}"%`,
    ])
  ).length;

describe.each(['before', 'after'] as const)('killed %s the commit', (side) => {
  it('of a verified registration: the same link finishes it, once', async () => {
    const email = `verify-${side}@fault.test`;
    const replica = await throughGate();
    const tenant_name = `Fault ${side}`;
    const registered = await auth(replica, 'POST /register', { body: { email, password: goodPassword, tenant_name } });
    const { id } = registered.body;
    const body = { token: await tokenFor(mail, email), password: goodPassword };
    const verify = (at: Replica) => auth(at, 'POST /verify-email', { body });
    const next = await killDuring(replica, 'user.email_verified', side, verify);
    expect(await countOf('user.email_verified', id)).toBe(side === 'before' ? 0 : 1);
    expect(await verify(next)).toMatchObject({ status: 200, body: { id, tenant: `fault-${side}` } });
    expect(await countOf('user.email_verified', id)).toBe(1);
    expect((await login(next, email)).status).toBe(200);
    expect((await verify(next)).status).toBe(401);
    const letters = await stack.superuser('select from identity.mail_queue');
    expect(letters).toHaveLength(0);
  });

  it('of a new password: all of it, or nothing and the link still works', async () => {
    const email = `reset-${side}@fault.test`;
    const replica = await throughGate();
    await registerPerson(replica, mail, email);
    const session = (await login(replica, email)).body;
    await auth(replica, 'POST /password/forgot', { body: { email } });
    const body = { token: await tokenFor(mail, email, 2), password: 'lantern tray wombat' };
    const reset = (at: Replica) => auth(at, 'POST /password/reset', { body });
    const next = await killDuring(replica, 'user.password_changed', side, reset);
    const refresh = (refresh_token: string) => auth(next, 'POST /refresh', { body: { refresh_token } });
    if (side === 'before') {
      expect((await login(next, email)).status).toBe(200);
      expect((await refresh(session.refresh_token)).status).toBe(200);
      expect((await reset(next)).status).toBe(204);
    } else {
      expect((await refresh(session.refresh_token)).status).toBe(401);
      expect((await reset(next)).status).toBe(401);
    }
    expect((await login(next, email)).status).toBe(401);
    expect((await login(next, email, body.password)).status).toBe(200);
  });
});

describe('a registration with an invitation', () => {
  it('that was mailed to this very address is a member at once; with any other it is nothing', async () => {
    const replica = await stack.serveApart({ MAIL_FOLDER: mail, REGISTRATION: 'invited' });
    await works(replica, operatorKey);
    const email = 'invited@fault.test';
    const invited = await api(replica, 'POST /invitations', { key: operatorKey, body: { email, role: 'developer' } });
    expect(invited.status).toBe(201);
    const text = await tokenFor(mail, email, 1, /#(giv_[A-Za-z0-9_-]{43})/);
    const register = (to: string, invitation_token?: string) =>
      auth(replica, 'POST /register', { body: { email: to, password: goodPassword, invitation_token } });
    expect(await register(email)).toMatchObject({ status: 403, body: { code: 'registration_closed' } });
    expect((await register('other@fault.test', text)).body.code).toBe('invitation_invalid');
    expect((await register(email, text)).status).toBe(201);
    const { access_token } = (await login(replica, email)).body;
    const me = await auth(replica, 'GET /me', { token: access_token });
    expect(me.body.tenants.map(({ id, role }) => [id, role])).toContainEqual(['main', 'developer']);
    expect((await register(email, text)).body.code).toBe('invitation_invalid');
  });
});
