import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { auth, lettersTo, login, registerPerson } from './account.fixture.js';
import { api } from './api.fixture.js';
import { type FederationStack, sessionOf, startFederation } from './federation.fixture.js';
import { Browser } from './foreign-browser.fixture.js';
import { type ForeignOp, startForeignOp } from './foreign-op.fixture.js';

let world: FederationStack;
let evil: ForeignOp;
/** Of the operator's tenant; of another tenant, with another issuer; of that tenant with the operator's issuer. */
let idpId: string;
let evilId: string;
const roles = { defaultRole: 'developer' };

beforeAll(async () => {
  [world, evil] = await Promise.all([startFederation(), startForeignOp()]);
  idpId = await world.configure(roles);
  evilId = await world.configure(roles, world.otherKey, evil);
});

afterAll(() => Promise.all([world?.stop(), evil?.stop()]));

beforeEach(() => world.op.control({ forgery: 'none' }));

/** A browser that the provider has just sent back, with what it brings. */
async function beforeCallback(wanted: object = { idpId }, op = world.op) {
  await op.control({ person: world.newPerson() });
  const browser = new Browser(world.replica);
  const { body } = await browser.start(wanted);
  return {
    browser,
    location: new URL(String(body.location)),
    back: await browser.throughProvider(op, String(body.location)),
  };
}

const codeFor = async (email: string): Promise<string> => {
  const letter = await waitFor(() => lettersTo(world.mail, email).at(-1), { message: `a letter to ${email}` });
  return /^ {4}(\S{22})$/m.exec(letter)?.[1] ?? '';
};
const outcomeOf = ({ location }: { location: string | null }) =>
  new URL(location ?? '/', 'https://localhost').searchParams.get('federation');

describe('the answer of a provider', () => {
  it('is taken once, in the browser that asked, and its session is given once', async () => {
    const { browser, back } = await beforeCallback();
    expect((await new Browser(world.replica).back(back)).status).toBe(401);
    const { browser: other } = await beforeCallback();
    expect(outcomeOf(await other.back(back))).toBe('refused');
    expect(outcomeOf(await browser.back(back))).toBe('done');
    expect((await browser.back(back)).status).toBe(401);
    const cookies = new Map(browser.cookies);
    await sessionOf(browser);
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    expect((await browser.finish()).status).toBe(401);
  });

  it('of a sign-in that another browser began is worth nothing: no code is injected', async () => {
    const [victim, attacker] = [await beforeCallback(), await beforeCallback()];
    const mixed = new URL(victim.back);
    mixed.searchParams.set('code', attacker.back.searchParams.get('code') ?? '');
    // State of the victim, code of the attacker: PKCE and nonce are of another browser.
    expect(outcomeOf(await victim.browser.back(mixed))).toBe('refused');
    expect((await victim.browser.finish()).status).toBe(401);
  });

  it.each(['state', 'iss', 'code'])('without its %s is refused', async (part) => {
    const { browser, back } = await beforeCallback();
    back.searchParams.delete(part);
    expect(outcomeOf(await browser.back(back))).toBe('refused');
  });

  it('is bound to a state, a nonce and a PKCE verifier that are new each time and stored nowhere', async () => {
    const [one, two] = [(await beforeCallback()).location, (await beforeCallback()).location];
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(one.searchParams.get(name)).not.toBe(two.searchParams.get(name));
    expect(one.searchParams.get('code_challenge_method')).toBe('S256');
    const stored = await world.stack.superuser<{ text: string }>(
      'select t::text as text from identity.federated_sign_ins t',
    );
    const secrets = ['state', 'nonce'].map((name) => one.searchParams.get(name) ?? '');
    for (const { text } of stored) for (const secret of secrets) expect(text).not.toContain(secret);
  });

  it('of one provider is not taken for that of another (mix-up)', async () => {
    // The victim begins at the evil provider, which sends the browser on to the honest one with its own parameters.
    const { browser, location } = await beforeCallback({ idpId: evilId }, evil);
    const honest = new URL(`${world.op.issuer}/auth`);
    honest.search = location.search;
    await world.op.control({ person: world.newPerson() });
    // The honest provider does not know this redirect address for anybody who is not the evil provider's client here.
    await expect(browser.throughProvider(world.op, honest.href)).rejects.toThrow('redirect_uri');
    // The other way round: an answer of the honest provider at the address of the evil one, in the right browser.
    const { browser: victim, back } = await beforeCallback();
    const before = (await evil.counts()).token ?? 0;
    expect((await victim.back(new URL(back.href.replace(idpId, evilId)))).status).toBe(401);
    expect((await evil.counts()).token ?? 0).toBe(before);
    expect(outcomeOf(await victim.back(back))).toBe('done');
  });
});

describe('taking an account over', () => {
  it('by an address that a provider vouches for needs the code from its mailbox, in the same browser', async () => {
    const email = 'ann@example.org';
    const links = await world.count('idp_links');
    await registerPerson(world.replica, world.mail, email);
    for (const [op, wanted] of [
      [world.op, { idpId }],
      [evil, { idpId: evilId }],
    ] as const) {
      const { browser, outcome } = await world.signIn(world.newPerson({ email }), wanted, op);
      expect(outcome).toBe('confirm');
      expect((await browser.finish()).status).toBe(401);
      expect((await browser.confirm('A'.repeat(22))).status).toBe(401);
      const code = await codeFor(email);
      // The owner of the mailbox, in another browser: a code that somebody else asked for links nothing.
      expect((await new Browser(world.replica).confirm(code)).status).toBe(401);
    }
    expect(await world.count('idp_links')).toBe(links);
  });

  it('by guessing the code ends after five guesses', async () => {
    const email = 'guess@example.org';
    await registerPerson(world.replica, world.mail, email);
    const { browser } = await world.signIn(world.newPerson({ email }), { idpId });
    for (let n = 0; n < 5; n++) expect((await browser.confirm(`${n}`.repeat(22))).status).toBe(401);
    expect((await browser.confirm(await codeFor(email))).status).toBe(401);
  });

  it('is no takeover by the owner: the code links, and so does a sign-in with the password', async () => {
    const email = 'owner@example.org';
    await registerPerson(world.replica, world.mail, email);
    const person = world.newPerson({ email });
    const { browser } = await world.signIn(person, { idpId });
    await waitFor(() => lettersTo(world.mail, email).length === 2, { message: 'the letter with the code' });
    expect((await browser.confirm(await codeFor(email))).status).toBe(204);
    const linked = await sessionOf(browser);
    expect((await world.signIn(person, { idpId })).outcome).toBe('done');

    const second = 'local@example.org';
    await registerPerson(world.replica, world.mail, second);
    const { browser: waiting } = await world.signIn(world.newPerson({ email: second }), { idpId });
    const { access_token: token } = (await login(world.replica, second)).body;
    const link = (bearer: string) =>
      waiting.call('POST /api/v1/auth/federated/link', undefined, { authorization: `Bearer ${bearer}` });
    expect((await link(linked.token)).status).toBe(401);
    await waitFor(async () => (await link(token)).status === 204, { message: 'the token to work' });
    expect((await sessionOf(waiting)).sub).not.toBe(linked.sub);
  });

  it("by a new account of the provider with somebody's old address is refused until the old link is gone", async () => {
    const person = world.newPerson();
    const { sub } = await sessionOf((await world.signIn(person, { idpId })).browser);
    const heir = { ...person, sub: 'the-next-employee' };
    expect((await world.signIn(heir, { idpId })).outcome).toBe('refused');
    const remove = () => api(world.replica, `DELETE /identity-providers/${idpId}/links/${sub}`, { key: world.key });
    expect(
      (await api(world.replica, `DELETE /identity-providers/${idpId}/links/${sub}`, { key: world.otherKey })).status,
    ).toBe(404);
    expect((await remove()).status).toBe(204);
    expect((await world.signIn(heir, { idpId })).outcome).toBe('confirm');
    // A removed link opens nothing: its own owner is asked like anybody else.
    expect((await world.signIn(person, { idpId })).outcome).toBe('confirm');
  });

  it("in advance, by a tenant's own provider for an address that nobody has yet, needs the mailbox too", async () => {
    const email = 'victim@corp.example';
    const { browser, outcome } = await world.signIn(world.newPerson({ email }), { idpId: evilId }, evil);
    expect(outcome).toBe('confirm');
    expect(
      await world.stack.superuser(`select from identity.people where status = 'active' and email_index is null`),
    ).toEqual([]);
    const { body } = await auth(world.replica, 'POST /login', { body: { email, password: 'x'.repeat(12) } });
    expect(body.code).toBe('sign_in_refused');
    expect((await browser.finish()).status).toBe(401);
    expect((await browser.confirm(await codeFor(email))).status).toBe(204);
    expect((await sessionOf(browser)).tenant).toBe('other');
  });
});

describe('what a provider of one tenant is in another', () => {
  it('nothing: its people enter its own tenant only', async () => {
    const person = world.newPerson({ email: 'x@evil.example' });
    const { browser } = await world.signIn(person, { idpId: evilId }, evil);
    await browser.confirm(await codeFor('x@evil.example'));
    const { sub, tenant, token } = await sessionOf(browser);
    expect(tenant).toBe('other');
    expect(await world.roleOf(sub, 'main')).toBeUndefined();
    await waitFor(async () => (await api(world.replica, 'GET /me', { key: token })).status === 200, {
      message: 'the token',
    });
    const entered = await api(world.replica, 'GET /me', { key: token, headers: { 'x-tenant-id': 'main' } });
    expect(entered.status).toBe(403);
  });

  it('no way into what the person has elsewhere, however often the token is refreshed', async () => {
    const person = world.newPerson({ email: 'two-homes@evil.example' });
    const { browser } = await world.signIn(person, { idpId: evilId }, evil);
    await browser.confirm(await codeFor('two-homes@evil.example'));
    const finished = (await browser.finish()).body as { access_token: string; refresh_token: string };
    const home = `p-${JSON.parse(Buffer.from(finished.access_token.split('.')[1] ?? '', 'base64url').toString()).sub}`;
    for (const refreshed of [false, true]) {
      const key = refreshed
        ? (await auth(world.replica, 'POST /refresh', { body: { refresh_token: finished.refresh_token } })).body
            .access_token
        : finished.access_token;
      await waitFor(async () => (await api(world.replica, 'GET /me', { key })).status === 200, {
        message: 'the token',
      });
      // Members of that workspace they are, but nothing there takes this provider's word.
      expect((await api(world.replica, 'GET /me', { key, headers: { 'x-tenant-id': home } })).status).toBe(403);
      expect((await api(world.replica, 'GET /tenants', { key })).status).toBe(403);
      for (const own of ['GET /me', 'GET /sessions', 'GET /factors', 'POST /factors/totp'])
        expect([own, (await auth(world.replica, own, { token: key })).status]).toEqual([own, 403]);
    }
    const elsewhere = { refresh_token: finished.refresh_token, tenant: home };
    expect((await auth(world.replica, 'POST /refresh', { body: elsewhere })).status).not.toBe(200);
  });

  it('no key that would open the other tenants of the person, not even to an admin of its own', async () => {
    const person = world.newPerson({ email: 'keys@evil.example' });
    const { browser } = await world.signIn(person, { idpId: evilId }, evil);
    await browser.confirm(await codeFor('keys@evil.example'));
    const { sub, token: key } = await sessionOf(browser);
    const promoted = await api(world.replica, `PATCH /members/${sub}`, {
      key: world.otherKey,
      body: { role: 'admin' },
    });
    expect(promoted.status).toBe(200);
    const create = (family: string) =>
      api(world.replica, 'POST /keys', { key, body: { name: `${family}-key`, family } });
    await waitFor(async () => (await create('mas')).status !== 403, { message: 'the right to make keys' });
    expect((await create('mau')).body).toMatchObject({ code: 'user_key_beyond_tenant' });
  });

  it('no proof of a second factor', async () => {
    const person = world.newPerson({ email: 'strong@evil.example', amr: ['mfa', 'otp', 'hwk'] });
    const { browser } = await world.signIn(person, { idpId: evilId }, evil);
    await browser.confirm(await codeFor('strong@evil.example'));
    expect((await sessionOf(browser)).amr).toEqual(['fed']);
  });

  it('nobody whom the sign-in page offers by the domain of an address', async () => {
    await world.change(evilId, { domains: ['example.org'] }, world.otherKey);
    const found = await new Browser(world.replica).call('GET /api/v1/auth/federated/providers?email=a@example.org');
    expect(found.body).toEqual({ providers: [] });
    expect((await new Browser(world.replica).start({ email: 'a@example.org' })).status).toBe(404);
    await world.change(evilId, { domains: [] }, world.otherKey);
  });
});

describe('coming back', () => {
  it.each([
    ...[
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'javascript:alert(1)',
      'evil',
      '',
    ],
    ...['/%0d%0aset-cookie:x=1\r\n', '/a#b', '/\u2028', `/${'a'.repeat(600)}`],
  ])('is to a path of this installation only, not to %j', async (path) => {
    const { status, body } = await new Browser(world.replica).start({ idpId, return: path });
    expect([status, body.code]).toEqual([400, 'validation_failed']);
  });

  it('keeps the path and its query, and adds the outcome', async () => {
    await world.op.control({ person: world.newPerson() });
    const browser = new Browser(world.replica);
    const { body } = await browser.start({ idpId, return: '/projects?tab=keys&federation=done' });
    const back = await browser.throughProvider(world.op, String(body.location));
    back.searchParams.set('error', 'access_denied');
    back.searchParams.delete('code');
    const { status, location } = await browser.back(back);
    expect([status, location]).toEqual([303, '/projects?tab=keys&federation=refused']);
  });
});

describe('approval', () => {
  const requests = async (status = 'pending') =>
    (await api(world.replica, `GET /federation-requests?status=${status}`, { key: world.key })).body as unknown as {
      requests: { userId: string; email?: string }[];
    };
  const decide = (userId: string, answer: string, key = world.key) =>
    api(world.replica, `POST /federation-requests/${userId}/${answer}`, { key });

  it('lets new people wait, in once somebody said yes, and never in after a no', async () => {
    await world.change(idpId, { requireApproval: true });
    const [yes, no] = [world.newPerson(), world.newPerson()];
    for (const person of [yes, no, yes]) expect((await world.signIn(person, { idpId })).outcome).toBe('waiting');
    const waiting = (await requests()).requests;
    expect(waiting.map(({ email }) => email)).toEqual([yes.email, no.email]);
    const [first, second] = waiting.map(({ userId }) => userId);
    expect((await decide(first ?? '', 'approve', world.otherKey)).status).toBe(404);
    expect((await decide(first ?? '', 'approve')).status).toBe(204);
    expect((await decide(second ?? '', 'reject')).status).toBe(204);
    expect((await decide(second ?? '', 'approve')).body.code).toBe('federation_decided');
    const { browser, outcome } = await world.signIn(yes, { idpId });
    expect(outcome).toBe('done');
    expect((await sessionOf(browser)).sub).toBe(first);
    expect((await world.signIn(no, { idpId })).outcome).toBe('refused');
    expect((await world.signIn({ ...no, email: 'again@example.org' }, { idpId })).outcome).toBe('refused');
    expect((await requests('rejected')).requests).toEqual([expect.not.objectContaining({ email: expect.anything() })]);
    await world.change(idpId, { requireApproval: false });
  });
});

describe('a role that was given by hand', () => {
  const setRole = (userId: string, role: string) =>
    api(world.replica, `PATCH /members/${userId}`, { key: world.key, body: { role } });

  it('is not touched by groups, and who was put out by hand stays out', async () => {
    const grouped = await world
      .configure({ groupsClaim: 'groups', groupRoles: { devs: 'developer' }, clientId: 'gatehouse-2' })
      .catch(() => '');
    expect(grouped).not.toBe('');
    const person = world.newPerson();
    const { sub } = await sessionOf((await world.signIn(person, { idpId })).browser);
    expect(await world.roleOf(sub)).toBe('developer');
    expect((await setRole(sub, 'viewer')).status).toBe(200);
    await sessionOf((await world.signIn(person, { idpId })).browser);
    expect(await world.roleOf(sub)).toBe('viewer');
    const other = world.newPerson();
    const { sub: removed } = await sessionOf((await world.signIn(other, { idpId })).browser);
    expect((await api(world.replica, `DELETE /members/${removed}`, { key: world.key })).status).toBeLessThan(300);
    expect((await world.signIn(other, { idpId })).outcome).toBe('refused');
    expect(await world.roleOf(removed)).toBeUndefined();
  });
});

it('leaves nothing behind when a provider is removed', async () => {
  const shortLived = await world.configure({ ...roles, clientId: 'gatehouse-3' });
  expect((await api(world.replica, `DELETE /identity-providers/${shortLived}`, { key: world.key })).status).toBe(204);
  expect((await new Browser(world.replica).start({ idpId: shortLived })).status).toBe(404);
  expect(await world.stack.superuser('select from identity.idp_secrets where idp_id = $1', [shortLived])).toEqual([]);
});
