import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Browser } from './foreign-browser.fixture.js';
import type { Forgery } from './foreign-op/forge.js';
import { clientId, clientSecret, type ForeignOp, startForeignOp } from './foreign-op.fixture.js';
import { api, type Replica, type Stack, startStack, works } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let op: ForeignOp;
let key: string;
let otherKey: string;
let idpId: string;

beforeAll(async () => {
  [stack, op] = await Promise.all([startStack(), startForeignOp()]);
  key = (await stack.bootstrap()).operatorKey;
  otherKey = (await stack.bootstrap('other')).operatorKey;
  replica = await stack.serve({ ISSUERS_ON_LOOPBACK: 'true' });
  await Promise.all([works(replica, key), works(replica, otherKey)]);
  idpId = await configure({ groupRoles: { devs: 'developer', leads: 'maintainer' }, groupsClaim: 'groups' });
}, 60_000);

afterAll(() => Promise.all([stack?.stop(), op?.stop()]));

beforeEach(() => op.control({ forgery: 'none', jwks: 'fine', discovery: 'fine' }));

let made = 0;
async function configure(changes: object, as = key): Promise<string> {
  made += 1;
  const body = { name: `idp-${made}`, issuer: op.issuer, clientId, clientSecret, ...changes };
  const answer = await api(replica, 'POST /identity-providers', { key: as, body });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  const { idpId: id, redirectUri } = answer.body as unknown as { idpId: string; redirectUri: string };
  await op.allowRedirect(redirectUri);
  return id;
}

/** Replaces the settings of a provider. */
async function change(id: string, changes: object, as = key): Promise<void> {
  const shown = (await api(replica, `GET /identity-providers/${id}`, { key: as })).body as unknown as Record<
    string,
    unknown
  >;
  const { idpId: _i, issuer: _s, hasSecret: _h, redirectUri: _r, createdAt: _c, revision: _v, ...settings } = shown;
  const answer = await api(replica, `PUT /identity-providers/${id}`, { key: as, body: { ...settings, ...changes } });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
}

let people = 0;
const newPerson = (changes: object = {}) => {
  people += 1;
  const sub = `sub-${people}`;
  return { sub, email: `person${people}@example.org`, email_verified: true, groups: ['devs'], ...changes };
};

const signIn = async (person: { sub: string; [claim: string]: unknown }, wanted: object = { idpId }) => {
  await op.control({ person });
  const browser = new Browser(replica);
  return { browser, outcome: await browser.signIn(op, wanted) };
};

/** Signs in all the way: who the session is of. */
async function sessionOf(browser: Browser) {
  const { status, body } = await browser.finish();
  expect([status, body.code]).toEqual([200, undefined]);
  const token = JSON.stringify(body).match(/"access_?[tT]oken":"([^"]+)"/)?.[1] ?? '';
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string;
    tenant: string;
    amr: string[];
  };
  return { token, ...claims };
}

const roleOf = async (userId: string, tenantId = 'main') =>
  (
    await stack.superuser<{ role: string }>(
      `select role from identity.members where tenant_id = $1 and user_id = $2 and status = 'active'`,
      [tenantId, userId],
    )
  )[0]?.role;

const count = async (table: string): Promise<number> =>
  Number((await stack.superuser<{ n: string }>(`select count(*) as n from identity.${table}`))[0]?.n);

describe('signing in by a provider', () => {
  it('makes the person, the workspace, the link and the membership, and gives a session in the tenant', async () => {
    const person = newPerson({ name: 'Ann Example' });
    const { browser, outcome } = await signIn(person);
    expect(outcome).toBe('done');
    const session = await sessionOf(browser);
    expect(session).toMatchObject({ tenant: 'main', amr: ['fed'] });
    expect(await roleOf(session.sub)).toBe('developer');
    const types = await stack.superuser<{ type: string; envelope: string }>(
      `select type, envelope from identity.events where envelope like '%' || $1 || '%' order by seq`,
      [session.sub],
    );
    expect(types.map(({ type }) => type)).toEqual([
      'user.registered',
      'tenant.created',
      'idp_link.added',
      'member.added',
      'session.started',
    ]);
    for (const { envelope } of types) {
      expect(envelope).not.toContain(person.email);
      expect(envelope).not.toContain(`"${person.sub}"`);
      expect(envelope).not.toContain('Ann');
    }
  });

  it('finds the same person again by the link, whatever the address is now', async () => {
    const person = newPerson();
    const first = await sessionOf((await signIn(person)).browser);
    const second = await sessionOf((await signIn({ ...person, email: 'renamed@example.org' })).browser);
    expect(second.sub).toBe(first.sub);
  });

  it('raises and lowers the role with the groups, and ends the membership only where that is said', async () => {
    const person = newPerson();
    const { sub } = await sessionOf((await signIn(person)).browser);
    for (const [groups, role] of [
      [['leads', 'devs'], 'maintainer'],
      [['devs'], 'developer'],
      [[], 'developer'],
    ] as const) {
      expect((await signIn({ ...person, groups })).outcome).toBe('done');
      expect(await roleOf(sub)).toBe(role);
    }
    await change(idpId, { endMembership: true });
    expect((await signIn({ ...person, groups: [] })).outcome).toBe('refused');
    expect(await roleOf(sub)).toBeUndefined();
    expect((await signIn(person)).outcome).toBe('done');
    expect(await roleOf(sub)).toBe('developer');
    await change(idpId, { endMembership: false });
  });

  it("believes the second factor of the operator's provider", async () => {
    const { browser } = await signIn(newPerson({ amr: ['pwd', 'otp'] }));
    expect((await sessionOf(browser)).amr).toEqual(['fed', 'mfa']);
  });

  it('lets nobody in who has no group that means a role, without leaving a trace of the person', async () => {
    const before = [await count('people'), await count('idp_links')];
    expect((await signIn(newPerson({ groups: ['others'] }))).outcome).toBe('refused');
    expect((await signIn(newPerson({ groups: '__proto__' }))).outcome).toBe('refused');
    expect([await count('people'), await count('idp_links')]).toEqual(before);
  });

  it('reads 10,000 groups', async () => {
    const groups = [...Array.from({ length: 10_000 }, (_, n) => `group-${n}`), 'leads'];
    const { browser } = await signIn(newPerson({ groups }));
    expect(await roleOf((await sessionOf(browser)).sub)).toBe('maintainer');
  });

  it('finds the provider by the domain of an address, the same for who has an account and who has none', async () => {
    const person = newPerson({ email: 'known@directory.example' });
    const byDomain = await configure({ clientId: 'gatehouse', issuer: op.issuer, name: 'by-domain' }).catch(
      () => idpId,
    );
    await change(byDomain, { domains: ['directory.example', 'example.org'] });
    await sessionOf((await signIn(person, { email: 'known@directory.example' })).browser);
    const page = new Browser(replica);
    const ask = (email: string) => page.call(`GET /api/v1/auth/federated/providers?email=${encodeURIComponent(email)}`);
    const [known, unknown] = [await ask('known@directory.example'), await ask('nobody@directory.example')];
    expect(known.body).toEqual(unknown.body);
    expect(known.body.providers).toEqual([{ idpId: byDomain, name: expect.any(String), tenant: 'main' }]);
    expect((await ask('known@elsewhere.example')).body).toEqual({ providers: [] });
    await change(byDomain, { domains: [] });
  });
});

describe('what a provider may not say', () => {
  it.each<Forgery>([
    ...(['wrong_iss', 'wrong_aud', 'many_aud', 'wrong_azp', 'no_nonce', 'other_nonce', 'expired'] as const),
    ...(['wrong_at_hash', 'alg_none', 'hs256_of_public_key', 'hs256_of_client_secret', 'unpublished_key'] as const),
    'no_token',
  ])('an identity token with: %s', async (forgery) => {
    const before = await count('people');
    await op.control({ forgery });
    const { browser, outcome } = await signIn(newPerson());
    expect(outcome).toBe('refused');
    expect((await browser.finish()).status).toBe(401);
    expect(await count('people')).toBe(before);
  });

  it.each([
    ['an address that is not verified', { email_verified: false }],
    ['an address that says so as a text', { email_verified: 'true' }],
    ['an address of which nothing is said', { email_verified: undefined }],
    ['no address', { email: undefined }],
    ['an address with two domains', { email: 'a@example.org@evil.example' }],
    ['an address in Unicode', { email: '\u212Aelvin@example.org' }],
  ])('%s', async (_what, claims) => {
    expect((await signIn(newPerson(claims))).outcome).toBe('refused');
  });

  it.each([
    ['another domain', 'a@evil.example', 'refused'],
    ['a domain below it', 'a@sub.example.org', 'refused'],
    ['one that ends the same', 'a@evilexample.org', 'refused'],
    ['one that looks the same', 'a@exаmple.org', 'refused'],
    ['one that folds to the same', 'a@ｅxample.org', 'refused'],
    ['one with a dot at its end', 'a@example.org.', 'refused'],
    ['the domain in capitals', 'capitals@EXAMPLE.ORG', 'done'],
  ])('where only example.org is allowed: %s', async (_what, email, expected) => {
    await change(idpId, { domains: ['example.org'] });
    expect((await signIn(newPerson({ email }))).outcome).toBe(expected);
    await change(idpId, { domains: [] });
  });
});
