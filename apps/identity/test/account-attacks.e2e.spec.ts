import { join } from 'node:path';
import { type RunningService, startService } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ACCOUNT, type Account } from '../src/account/account.service.js';
import { windowMs } from '../src/account/throttle/sign-in-failures.service.js';
import { identityService } from '../src/app.module.js';
import { People } from '../src/person/people.service.js';
import { type AuthAnswer, auth, goodPassword, lettersTo, login, registerPerson, tokenFor } from './account.fixture.js';
import { type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let running: RunningService;
let at: { readonly address: string };
let account: Account;
let mail: string;

beforeAll(async () => {
  stack = await startStack();
  mail = join(stack.folder, 'mail');
  running = await startService(
    identityService,
    stack.env({ LOG_LEVEL: 'error', MAIL_FOLDER: mail, TRUSTED_PROXIES: '127.0.0.1' }),
  );
  at = { address: (await running.app.getUrl()).replace('[::1]', '127.0.0.1') };
  account = running.app.get<Account>(ACCOUNT);
});

afterAll(async () => {
  await running?.stop();
  await stack?.stop();
});

/** From another network each time, unless one is named. */
let networks = 0;
const from = (ip = `198.51.${Math.floor(++networks / 200)}.${networks % 200}`) => ({
  headers: { 'x-forwarded-for': ip },
});

/** All that may differ between two answers about different addresses. */
const shape = ({ status, headers, body }: AuthAnswer, email: string) => ({
  status,
  type: headers.get('content-type'),
  challenge: headers.get('www-authenticate'),
  body: { ...body, id: '', created_at: '', traceId: '', email: body.email === email ? 'given' : body.email },
});

describe('whether an address has an account', () => {
  const [known, unknown] = ['known@enum.test', 'unknown@enum.test'];
  beforeAll(() => registerPerson(at, mail, known));

  it.each([
    ['POST /login', { password: 'a wrong password' }],
    ['POST /register', { password: goodPassword, tenant_name: 'Enum' }],
    ['POST /password/forgot', {}],
    ['POST /verify-email/resend', {}],
  ])('is not told by %s', async (route, more) => {
    const answers = await Promise.all(
      [known, unknown].map(async (email) =>
        shape(await auth(at, route, { body: { email, ...more }, ...from() }), email),
      ),
    );
    expect(answers[0]).toEqual(answers[1]);
  });

  it('is told to its mailbox', async () => {
    const told = () => lettersTo(mail, known).filter((text) => text.includes('has an account already'));
    await waitFor(() => told().length > 0, { message: 'the letter' });
    expect(told()).toHaveLength(1);
  });

  it('costs one password hash at a sign-in, whether there is one to compare with or not', async () => {
    const verify = jest.spyOn(account.hasher, 'verify');
    for (const email of [known, unknown]) {
      verify.mockClear();
      await login(at, email, 'a wrong password', from());
      expect(verify).toHaveBeenCalledTimes(1);
    }
    verify.mockRestore();
  });

  it.each([
    ['POST /login', { password: 'a wrong password' }],
    ['POST /password/forgot', {}],
    ['POST /register', { password: goodPassword }],
  ])('cannot be measured at %s', async (route, more) => {
    // Of each the least, which is what it takes when nothing else is going on; sooner or later that happens to both.
    const least = { [known]: Number.POSITIVE_INFINITY, [unknown]: Number.POSITIVE_INFINITY };
    const ratio = () => (least[known] ?? 0) / (least[unknown] ?? 0);
    // A verified hash takes 20 ms, so that leaving it out for one of them would be a factor of five or more.
    const isAlike = () => ratio() > 0.5 && ratio() < 2;
    for (let round = 0; round < 50 && (round < 9 || !isAlike()); round++)
      for (const email of [known, unknown]) {
        const began = performance.now();
        await auth(at, route, { body: { email, ...more }, ...from() });
        least[email] = Math.min(least[email] ?? 0, performance.now() - began);
        await account.throttle.forget([account.throttle.counted('account', email)]);
      }
    expect({ isAlike: isAlike(), ...least }).toMatchObject({ isAlike: true });
  });
});

describe('guessing', () => {
  it('is slowed down alike for known and unknown addresses, from however many networks', async () => {
    await registerPerson(at, mail, 'victim@guess.test');
    for (const email of ['victim@guess.test', 'nobody@guess.test']) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => login(at, email, 'a wrong password', from())));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(6);
      const delayed = answers.filter(({ status }) => status === 429);
      expect(delayed).toHaveLength(14);
      expect(delayed.every(({ headers }) => Number(headers.get('retry-after')) >= 1)).toBe(true);
    }
  });

  it('of one network is slowed down, whoever is guessed at', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 6; round++) {
      const tries = Array.from({ length: 10 }, (_, n) =>
        login(at, `n${round}-${n}@net.test`, 'wrong', from('203.0.113.9')),
      );
      statuses.push(...(await Promise.all(tries)).map(({ status }) => status));
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(51);
    expect(statuses.filter((status) => status === 429)).toHaveLength(9);
    expect((await login(at, 'other@net.test', 'wrong', from('203.0.113.10'))).status).toBe(401);
  });

  it('locks nobody out: not from a known network, and not whoever reads the mailbox', async () => {
    const email = 'locked@guess.test';
    await registerPerson(at, mail, email);
    const home = from('192.0.2.77');
    expect((await login(at, email, goodPassword, home)).status).toBe(200);
    const attack = () => Promise.all(Array.from({ length: 12 }, () => login(at, email, 'a wrong password', from())));
    expect((await attack()).some(({ status }) => status === 429)).toBe(true);

    expect((await login(at, email, goodPassword, from())).status).toBe(429);
    expect((await login(at, email, goodPassword, home)).status).toBe(200);
    // That sign-in began the count anew; the attack goes on.
    await attack();
    await auth(at, 'POST /password/forgot', { body: { email }, ...from() });
    const token = await tokenFor(mail, email, 2);
    const away = from();
    const reset = { token, password: 'another wombat tray' };
    expect((await auth(at, 'POST /password/reset', { body: reset, ...away })).status).toBe(204);
    expect((await login(at, email, 'another wombat tray', away)).status).toBe(200);
  });

  it('is told as one event a minute, without address or network', async () => {
    const now = Date.now() + windowMs;
    while ((await account.failures.tell(now)) > 0);
    const rows = await stack.superuser<{ envelope: string; tenant_id: string }>(
      `select envelope, tenant_id from identity.events where envelope like '%"sign_in.failed"%'`,
    );
    expect(rows.length).toBeLessThan(8);
    const counts = rows.map(({ envelope }) => JSON.parse(envelope).data as { reason: string; count: number });
    expect(Math.max(...counts.map(({ count }) => count))).toBeGreaterThan(50);
    expect(new Set(counts.map(({ reason }) => reason))).toEqual(new Set(['unknown', 'password']));
    expect(rows.map(({ envelope }) => envelope).join()).not.toMatch(/@|198\.51|203\.0/);
  });
});

describe('an account prepared by somebody else', () => {
  it('is opened neither by the link alone nor by the password alone', async () => {
    const email = 'target@hijack.test';
    const attackers = 'the attacker knows it';
    await auth(at, 'POST /register', { body: { email, password: attackers }, ...from() });
    const clicked = { token: await tokenFor(mail, email), password: goodPassword };
    expect((await auth(at, 'POST /verify-email', { body: clicked, ...from() })).status).toBe(401);
    expect((await login(at, email, attackers, from())).status).toBe(401);
    // The owner registers, too: that one is the account, and the other is gone.
    await auth(at, 'POST /register', { body: { email, password: goodPassword }, ...from() });
    const own = { token: await tokenFor(mail, email, 2), password: goodPassword };
    expect((await auth(at, 'POST /verify-email', { body: own, ...from() })).status).toBe(200);
    const late = { token: clicked.token, password: attackers };
    expect((await auth(at, 'POST /verify-email', { body: late, ...from() })).status).toBe(401);
    expect((await login(at, email, goodPassword, from())).status).toBe(200);
  });

  it('leaves no key behind once it has expired', async () => {
    const { body } = await auth(at, 'POST /register', {
      body: { email: 'gone@hijack.test', password: goodPassword },
      ...from(),
    });
    const keys = () => stack.superuser('select 1 from identity.subject_keys where subject = $1', [body.id]);
    expect(await keys()).toHaveLength(1);
    await account.registrations.deleteExpired(Date.now() + 25 * 3_600_000);
    expect(await keys()).toHaveLength(0);
    const [{ n } = { n: -1 }] = await stack.superuser<{ n: number }>(
      `select count(*)::int as n from identity.people p where not exists (
         select from identity.subject_keys k where k.subject = p.user_id::text)`,
    );
    expect(n).toBe(0);
  });
});

describe('links that set a password', () => {
  it('work once, however many use one at once', async () => {
    const email = 'once@link.test';
    await registerPerson(at, mail, email);
    await auth(at, 'POST /password/forgot', { body: { email }, ...from() });
    const token = await tokenFor(mail, email, 2);
    const uses = await Promise.all(
      [1, 2, 3, 4, 5].map((n) =>
        auth(at, 'POST /password/reset', { body: { token, password: `number ${n} wombats` }, ...from() }),
      ),
    );
    expect(uses.map(({ status }) => status).sort()).toEqual([204, 401, 401, 401, 401]);
  });

  it('are not used up by a password that is refused, and end every session', async () => {
    const email = 'ends@link.test';
    await registerPerson(at, mail, email);
    const session = (await login(at, email, goodPassword, from())).body;
    await auth(at, 'POST /password/forgot', { body: { email }, ...from() });
    const token = await tokenFor(mail, email, 2);
    const reset = (password: string) => auth(at, 'POST /password/reset', { body: { token, password }, ...from() });
    expect((await reset('short')).status).toBe(400);
    expect((await reset('lantern tray wombat')).status).toBe(204);
    const refreshed = await auth(at, 'POST /refresh', { body: { refresh_token: session.refresh_token } });
    expect(refreshed.status).toBe(401);
  });
});

describe('a sign-in', () => {
  const place = () => ({ ip: '192.0.2.1', now: Date.now() });

  it('that was checked with a password that has changed since starts nothing', async () => {
    const { id } = await registerPerson(at, mail, 'race@signin.test');
    const person = await running.app.get(People).byId(id);
    if (!person) throw new Error('nobody');
    const checked = await account.passwords.check(person, goodPassword);
    const { session_id: sessionId } = (await login(at, 'race@signin.test', goodPassword, from())).body;
    const change = { current: goodPassword, next: 'lantern tray wombat', sessionId, now: Date.now() };
    await account.changePasswords.change(id, change);
    await expect(account.signIns.begin(person, ['pwd'], place(), checked?.guard)).rejects.toMatchObject({
      code: 'sign_in_refused',
    });
    expect(await account.sessions.list(id)).toHaveLength(1);
  });

  it('with a second factor due gives a challenge: five attempts, one use, gone with the password', async () => {
    const email = 'second@signin.test';
    const { id } = await registerPerson(at, mail, email);
    const enrolled = async (userId: string) => (userId === id ? (['totp'] as const) : []);
    account.secondFactors.use({ enrolled });
    const begin = async () => (await login(at, email, goodPassword, from())).body;
    const first = await begin();
    expect(first).toMatchObject({ code: 'second_factor_required', factors: ['totp'] });
    expect(await account.sessions.list(id)).toHaveLength(0);
    for (const _ of Array(5)) await account.signIns.openChallenge(first.challenge);
    await expect(account.signIns.openChallenge(first.challenge)).rejects.toMatchObject({ code: 'challenge_invalid' });

    const { challenge } = await begin();
    const complete = () => account.signIns.completeChallenge(challenge, 'otp', place());
    const race = await Promise.allSettled([complete(), complete(), complete()]);
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [session] = await account.sessions.list(id);
    expect(session?.methods).toEqual(['pwd', 'otp', 'mfa']);
    await expect(complete()).rejects.toMatchObject({ code: 'challenge_invalid' });

    const open = await begin();
    await account.sessions.endAll(id, 'password_changed');
    await expect(account.signIns.completeChallenge(open.challenge, 'otp', place())).rejects.toMatchObject({
      code: 'challenge_invalid',
    });
    const expired = await begin();
    await expect(account.signIns.openChallenge(expired.challenge, Date.now() + 301_000)).rejects.toMatchObject({
      code: 'challenge_invalid',
    });
  });

  it('takes over nothing that was there before it', async () => {
    const email = 'fixed@signin.test';
    await registerPerson(at, mail, email);
    const attacker = (await login(at, 'race@signin.test', 'lantern tray wombat', from())).body;
    const planted = `__Host-gatehouse_refresh=${attacker.refresh_token}`;
    const answer = await auth(at, 'POST /login', {
      body: { email, password: goodPassword, cookie: true },
      headers: { ...from().headers, cookie: planted, 'x-gatehouse-request': '1' },
    });
    expect(answer.body.session_id).not.toBe(attacker.session_id);
    expect(answer.headers.get('set-cookie')).not.toContain(attacker.refresh_token);
  });

  it('takes a password in any spelling of Unicode, and no other text for it', async () => {
    const email = 'unicode@signin.test';
    await registerPerson(at, mail, email, { password: 'cafe\u0301 mu\u0308sli löffel' });
    expect((await login(at, email, 'café müsli löffel', from())).status).toBe(200);
    for (const password of ['x'.repeat(4_097), '']) expect((await login(at, email, password, from())).status).toBe(400);
    for (const password of ['x'.repeat(4_096), '\u0000', 'ﷺ'.repeat(1_000)])
      expect((await login(at, email, password, from())).status).toBe(401);
    const half = '{"email":"unicode@signin.test","password":"half \\ud800 pair"}';
    const response = await fetch(`${at.address}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...from().headers },
      body: half,
    });
    expect(response.status).toBe(401);
  });

  it('waits for its turn, and is refused with 503 when too many do', async () => {
    const small = await startService(
      identityService,
      stack.env({
        LOG_LEVEL: 'error',
        TRUSTED_PROXIES: '127.0.0.1',
        PASSWORD_HASHES_AT_ONCE: '1',
        PASSWORD_HASHES_WAITING: '2',
      }),
    );
    const there = { address: (await small.app.getUrl()).replace('[::1]', '127.0.0.1') };
    const tries = Array.from({ length: 12 }, (_, n) => login(there, `busy-${n}@signin.test`, 'wrong', from()));
    const answers = await Promise.all(tries);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ headers }) => headers.has('retry-after'))).toBe(true);
    expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(3);
    expect((await login(there, 'busy@signin.test', 'wrong', from())).status).toBe(401);
    await small.stop();
  });
});

describe('a refresh token in a cookie', () => {
  const email = 'cookie@site.test';
  const own = { 'x-gatehouse-request': '1' };
  const cookieOf = (answer: AuthAnswer) => answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const signIn = (headers: Record<string, string>) =>
    auth(at, 'POST /login', {
      body: { email, password: goodPassword, cookie: true },
      headers: { ...from().headers, ...headers },
    });

  it('is seen by no script and sent to this origin alone', async () => {
    await registerPerson(at, mail, email);
    expect(await signIn({})).toMatchObject({ status: 403, body: { code: 'cross_site_refused' } });
    const answer = await signIn(own);
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('refresh_token');
    const set = answer.headers.get('set-cookie') ?? '';
    expect(set).toMatch(/^__Host-gatehouse_refresh=grt_/);
    for (const attribute of ['Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict']) expect(set).toContain(attribute);
    expect(set).not.toContain('Domain');
  });

  it('does nothing for a page of another site', async () => {
    const cookie = cookieOf(await signIn(own));
    const post = (path: string, headers: Record<string, string>) =>
      auth(at, `POST ${path}`, { headers: { cookie, ...headers } });
    for (const path of ['/refresh', '/logout'])
      for (const headers of [{}, { ...own, 'sec-fetch-site': 'cross-site' }, { ...own, 'sec-fetch-site': 'same-site' }])
        expect(await post(path, headers)).toMatchObject({ status: 403, body: { code: 'cross_site_refused' } });
    const refreshed = await post('/refresh', { ...own, 'sec-fetch-site': 'same-origin' });
    expect(refreshed.status).toBe(200);
    const next = cookieOf(refreshed);
    expect(next).not.toBe(cookie);
    const out = await auth(at, 'POST /logout', { headers: { ...own, cookie: next } });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await auth(at, 'POST /refresh', { headers: { ...own, cookie: next } })).status).toBe(401);
  });
});

describe('what belongs to a person alone', () => {
  it('is refused to keys and to services', async () => {
    const owner = await stack.bootstrap();
    const key = owner.operatorKey;
    for (const call of ['GET /sessions', 'DELETE /sessions', 'GET /me'])
      expect((await onceKnown(key, call)).status).toBe(403);
    const change = { current: 'x', next: goodPassword };
    expect((await auth(at, 'POST /password/change', { token: key, body: change })).status).toBe(403);
  });
});

const onceKnown = (token: string, call: string): Promise<AuthAnswer> =>
  waitFor(async () => {
    const answer = await auth(at, call, { token });
    return answer.status === 401 ? undefined : answer;
  });

describe('what is stored', () => {
  it('holds no password, token or address in clear, in any table', async () => {
    const email = 'canary@stored.test';
    const password = 'canary wombat lantern';
    await registerPerson(at, mail, email, { password, name: 'Canary Name' });
    const { body } = await login(at, email, password, from('192.0.2.199'));
    await auth(at, 'POST /password/forgot', { body: { email }, ...from() });
    const link = await tokenFor(mail, email, 2);
    const tables = await stack.superuser<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'identity'`,
    );
    const canaries = [email, password, body.refresh_token, body.access_token, link, 'Canary Name', '192.0.2.199'];
    for (const { name } of tables) {
      const rows = await stack.superuser<{ text: string }>(`select t::text as text from identity."${name}" t`);
      const text = rows.map((row) => row.text).join('\n');
      expect({ name, found: canaries.filter((canary) => text.includes(canary)) }).toEqual({ name, found: [] });
    }
  });
});
