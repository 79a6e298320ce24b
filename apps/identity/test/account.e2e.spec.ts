import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auth, claimsOf, goodPassword, lettersTo, login, registerPerson, tokenFor } from './account.fixture.js';
import { api } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;
let mail: string;

beforeAll(async () => {
  stack = await startStack();
  mail = join(stack.folder, 'mail');
  owner = await stack.bootstrap();
  replica = await stack.serve({ MAIL_FOLDER: mail });
});

afterAll(() => stack?.stop());

const eventsOf = (userId: string) =>
  stack.superuser<{ type: string; envelope: string }>(
    `select envelope::jsonb->>'type' as type, envelope from identity.events where envelope like '%' || $1 || '%' order by seq`,
    [userId],
  );

describe('an account', () => {
  it('is registered, verified with link and password, signed in and shown', async () => {
    const asked = await auth(replica, 'POST /register', {
      body: { email: 'Ann@Example.org', password: goodPassword, name: 'Ann', tenant_name: 'Ann & Söhne' },
    });
    expect(asked).toMatchObject({ status: 201, body: { email: 'Ann@Example.org', tenant_name: 'Ann & Söhne' } });
    expect(Object.keys(asked.body).sort()).toEqual(['created_at', 'email', 'id', 'tenant_name']);
    expect(await eventsOf(asked.body.id)).toEqual([]);
    expect((await login(replica, 'ann@example.org')).status).toBe(401);

    const token = await tokenFor(mail, 'Ann@Example.org');
    const wrong = await auth(replica, 'POST /verify-email', { body: { token, password: 'not the password' } });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'link_invalid' } });
    const verified = await auth(replica, 'POST /verify-email', { body: { token, password: goodPassword } });
    expect(verified).toMatchObject({ status: 200, body: { id: asked.body.id, tenant: 'ann-sohne' } });

    const signedIn = await login(replica, ' ann@example.org ');
    expect(signedIn).toMatchObject({ status: 200, body: { token_type: 'bearer', expires_in: 900 } });
    const claims = claimsOf(signedIn.body.access_token);
    expect(claims).toMatchObject({
      sub: asked.body.id,
      email: 'Ann@Example.org',
      tenant: 'ann-sohne',
      tenant_name: 'Ann & Söhne',
      amr: ['pwd'],
      sid: signedIn.body.session_id,
    });

    const me = await auth(replica, 'GET /me', { token: signedIn.body.access_token });
    expect(me.body).toMatchObject({ id: asked.body.id, email: 'Ann@Example.org', name: 'Ann', methods: ['pwd'] });
    expect(me.body.tenants.map(({ id, role }) => [id, role])).toEqual([
      ['ann-sohne', 'owner'],
      [`p-${asked.body.id}`, 'owner'],
    ]);
    const renamed = await auth(replica, 'PATCH /me', { token: signedIn.body.access_token, body: { name: 'Anna' } });
    expect(renamed.body.name).toBe('Anna');
    const types = (await eventsOf(asked.body.id)).map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining(['user.registered', 'user.email_verified', 'tenant.created', 'session.started']),
    );
    const texts = (await eventsOf(asked.body.id)).map(({ envelope }) => envelope).join('\n');
    expect(texts).not.toMatch(/example\.org|"Ann"|Anna|127\.0\.0\.1/i);
  });

  it('acts in a tenant of the person, and in no other', async () => {
    const inOrganization = await login(replica, 'ann@example.org', goodPassword, { tenant: 'ann-sohne' });
    expect(claimsOf(inOrganization.body.access_token)).toMatchObject({
      tenant: 'ann-sohne',
      tenant_name: 'Ann & Söhne',
    });
    for (const tenant of ['main', 'no-such-tenant'])
      expect(await login(replica, 'ann@example.org', goodPassword, { tenant })).toMatchObject({
        status: 403,
        body: { code: 'tenant_not_selectable' },
      });
  });

  it('keeps a name of an organization for whoever verifies first', async () => {
    const body = { password: goodPassword, tenant_name: 'Race' };
    await auth(replica, 'POST /register', { body: { ...body, email: 'one@race.test' } });
    await auth(replica, 'POST /register', { body: { ...body, email: 'two@race.test' } });
    const verify = async (email: string) =>
      auth(replica, 'POST /verify-email', { body: { token: await tokenFor(mail, email), password: goodPassword } });
    expect((await verify('two@race.test')).body.tenant).toBe('race');
    expect((await verify('one@race.test')).body.tenant).toBeNull();
    for (const tenant_name of ['race', 'Main', 'p-anything'])
      expect(
        await auth(replica, 'POST /register', { body: { ...body, tenant_name, email: 'three@race.test' } }),
      ).toMatchObject({ status: 409, body: { code: 'tenant_name_taken' } });
  });

  it('gives the owner of a bootstrap a first password by letter', async () => {
    const email = 'owner@main.localhost';
    expect((await login(replica, email)).status).toBe(401);
    expect((await auth(replica, 'POST /password/forgot', { body: { email } })).status).toBe(202);
    const token = await tokenFor(mail, email);
    const reset = await auth(replica, 'POST /password/reset', { body: { token, password: goodPassword } });
    expect(reset.status).toBe(204);
    const signedIn = await login(replica, email);
    expect(claimsOf(signedIn.body.access_token)).toMatchObject({ sub: owner.ownerId, tenant: 'main' });
  });
});

describe('sessions', () => {
  it('rotate their refresh token; a copy of a used one ends the session', async () => {
    await registerPerson(replica, mail, 'rot@example.org');
    const first = (await login(replica, 'rot@example.org')).body;
    const refresh = (refresh_token: string) => auth(replica, 'POST /refresh', { body: { refresh_token } });
    const second = await refresh(first.refresh_token);
    expect(second).toMatchObject({ status: 200, body: { session_id: first.session_id } });
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
    // The answer was lost: the same successor again, and no second chain.
    expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.body.refresh_token);
    const third = await refresh(second.body.refresh_token);
    expect(third.status).toBe(200);
    // The thief, or the victim, comes second: whoever it is, all of it ends.
    expect(await refresh(first.refresh_token)).toMatchObject({ status: 401, body: { code: 'refresh_refused' } });
    expect((await refresh(third.body.refresh_token)).status).toBe(401);
    const ended = (await eventsOf(first.session_id)).filter(({ type }) => type === 'session.ended');
    expect(ended).toHaveLength(1);
    expect(ended[0]?.envelope).toContain('"reuse"');
  });

  it('give one successor to many who refresh at once', async () => {
    const { refresh_token } = (await login(replica, 'rot@example.org')).body;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => auth(replica, 'POST /refresh', { body: { refresh_token } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
  });

  it('are listed, revoked one by one and all others at once; and only by their owner', async () => {
    const email = 'many@example.org';
    await registerPerson(replica, mail, email);
    const [a, b, c] = [
      (await login(replica, email)).body,
      (await login(replica, email)).body,
      (await login(replica, email)).body,
    ];
    const listed = await auth(replica, 'GET /sessions', { token: a.access_token });
    expect(listed.body.sessions).toHaveLength(3);
    expect(listed.body.sessions.filter(({ current }) => current).map(({ id }) => id)).toEqual([a.session_id]);
    expect(listed.body.sessions[0]).toMatchObject({ ip: '127.0.0.1', user_agent: 'node' });
    const stranger = (await login(replica, 'rot@example.org')).body;
    expect((await auth(replica, `DELETE /sessions/${b.session_id}`, { token: stranger.access_token })).status).toBe(
      404,
    );
    expect((await auth(replica, `DELETE /sessions/${b.session_id}`, { token: a.access_token })).status).toBe(204);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: b.refresh_token } })).status).toBe(401);
    expect((await auth(replica, 'DELETE /sessions', { token: a.access_token })).body.ended).toBe(1);
    await waitFor(async () => (await auth(replica, 'GET /me', { token: c.access_token })).status === 401, {
      message: 'the token of an ended session to be refused',
    });
    expect((await auth(replica, 'GET /me', { token: a.access_token })).status).toBe(200);
  });

  it('end at sign-out, by refresh token or access token', async () => {
    const one = (await login(replica, 'rot@example.org')).body;
    expect((await auth(replica, 'POST /logout', { body: { refresh_token: one.refresh_token } })).status).toBe(204);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: one.refresh_token } })).status).toBe(401);
    const two = (await login(replica, 'rot@example.org')).body;
    expect((await auth(replica, 'POST /logout', { token: two.access_token })).status).toBe(204);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: two.refresh_token } })).status).toBe(401);
    expect((await auth(replica, 'POST /logout')).status).toBe(401);
  });
});

describe('passwords', () => {
  it('are changed by the one before, which ends the other sessions', async () => {
    const email = 'change@example.org';
    await registerPerson(replica, mail, email);
    const [here, there] = [(await login(replica, email)).body, (await login(replica, email)).body];
    const change = (current: string, next: string) =>
      auth(replica, 'POST /password/change', { token: here.access_token, body: { current, next } });
    expect(await change('wrong password', 'another good one')).toMatchObject({ body: { code: 'password_wrong' } });
    expect(await change(goodPassword, 'change@example')).toMatchObject({ status: 400 });
    expect((await change(goodPassword, 'another good one')).status).toBe(204);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: there.refresh_token } })).status).toBe(401);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: here.refresh_token } })).status).toBe(200);
    expect((await login(replica, email)).status).toBe(401);
    expect((await login(replica, email, 'another good one')).status).toBe(200);
    await waitFor(() => lettersTo(mail, email).some((text) => text.includes('password was changed')), {
      message: 'the letter about it',
    });
  });

  it('are hashed anew at a sign-in once more is asked for', async () => {
    const email = 'upgrade@example.org';
    const { id } = await registerPerson(replica, mail, email);
    const hashOf = async () =>
      (await stack.superuser<{ hash: string }>('select hash from identity.password_hashes where user_id = $1', [id]))[0]
        ?.hash ?? '';
    expect(await hashOf()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const stronger = await stack.serve({ PASSWORD_PASSES: '3', MAIL_FOLDER: mail });
    expect((await login(stronger, email, 'a wrong password')).status).toBe(401);
    expect(await hashOf()).toContain('t=2');
    expect((await login(stronger, email)).status).toBe(200);
    expect(await hashOf()).toMatch(/^\$argon2id\$v=19\$m=19456,t=3,p=1\$/);
    expect((await login(stronger, email)).status).toBe(200);
    await stronger.stop();
  });

  it.each([
    ['too short', 'nine char', /less than 10/],
    ['too long', 'x1'.repeat(600), /1024 bytes/],
    ['common', 'Password1234!', /tried first/],
    ['a walk', 'abcdefghijkl', /tried first/],
    ['one character', 'aaaaaaaaaaaaaaaa', /tried first/],
    ['the address', 'refused@example.org', /own name or address/],
  ])('are refused when %s', async (_why, password, message) => {
    const answer = await auth(replica, 'POST /register', { body: { email: 'refused@example.org', password } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([{ path: 'body.password', message: expect.stringMatching(message) }]);
    expect(answer.text).not.toContain(password);
  });
});

describe('the command line', () => {
  const program = fileURLToPath(new URL('../../../cli/bin/gatehouse.mjs', import.meta.url));
  const gatehouse = (args: readonly string[], input = ''): Promise<{ code: unknown; out: string; error: string }> => {
    const home = join(stack.folder, 'home');
    const env = { PATH: process.env.PATH, HOME: home, GATEHOUSE_URL: replica.address };
    return new Promise((resolve) => {
      const options = { cwd: stack.folder, env };
      const child = execFile(process.execPath, [program, ...args], options, (failure, out, error) =>
        resolve({ code: failure?.code ?? 0, out, error }),
      );
      child.stdin?.end(input);
    });
  };

  it('signs in, refreshes, lists and signs out', async () => {
    const email = 'cli@example.org';
    const { id } = await registerPerson(replica, mail, email);
    expect(await gatehouse(['login', '--email', email], 'a wrong password\n')).toMatchObject({ code: 3 });
    const signedIn = await gatehouse(['login', '--email', email], `${goodPassword}\n`);
    expect(signedIn).toMatchObject({ code: 0, error: '' });
    const file = join(stack.folder, 'home', '.config', 'gatehouse', 'credentials.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kept = () => JSON.parse(readFileSync(file, 'utf8')).credentials.OAuth2Token as Record<string, unknown>;
    const first = kept();
    expect(Object.keys(first)).toEqual(['access_token', 'refresh_token', 'expires_at']);
    expect((await gatehouse(['whoami', '--json'])).out).toContain(id);
    writeFileSync(file, JSON.stringify({ credentials: { OAuth2Token: { ...first, expires_at: 0 } } }));
    expect((await gatehouse(['sign-ins', 'list'])).out).toContain('(this one)');
    expect(kept().refresh_token).not.toBe(first.refresh_token);
    const { refresh_token } = kept();
    const out = await gatehouse(['logout']);
    expect(out).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(false);
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token } })).status).toBe(401);
    expect(`${signedIn.out}${out.out}${out.error}`).not.toMatch(/grt_|eyJ|wombat/);
  });
});

describe('a person who is shut out', () => {
  it('has no sessions and gets none, until let in again', async () => {
    const email = 'out@example.org';
    const { id } = await registerPerson(replica, mail, email);
    const before = (await login(replica, email)).body;
    const setup = await api(replica, 'POST /setup', { body: { token: owner.setupToken } });
    const key = setup.body.key;
    await waitFor(async () => (await api(replica, 'GET /me', { key })).status === 200);
    const stranger = (await login(replica, 'rot@example.org')).body.access_token;
    const refused = await api(replica, `POST /users/${id}/disable`, { key: stranger, body: {} });
    expect(refused.status).toBe(404);
    const disabled = await api(replica, `POST /users/${id}/disable`, { key, body: { reason: 'left' } });
    expect(disabled).toMatchObject({ status: 200, body: { status: 'disabled' } });
    expect((await auth(replica, 'POST /refresh', { body: { refresh_token: before.refresh_token } })).status).toBe(401);
    expect((await login(replica, email)).status).toBe(401);
    expect((await api(replica, `POST /users/${id}/enable`, { key })).status).toBe(200);
    expect((await login(replica, email)).status).toBe(200);
  });
});
