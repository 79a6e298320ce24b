import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type FederationStack, sessionOf, startFederation } from './federation.fixture.js';
import { Browser } from './foreign-browser.fixture.js';
import type { Forgery } from './foreign-op/forge.js';

let world: FederationStack;
let idpId: string;

beforeAll(async () => {
  world = await startFederation();
  idpId = await world.configure({ groupRoles: { devs: 'developer', leads: 'maintainer' }, groupsClaim: 'groups' });
});

afterAll(() => world?.stop());

beforeEach(() => world.op.control({ forgery: 'none', jwks: 'fine', discovery: 'fine' }));

const newPerson = (changes?: object) => world.newPerson(changes);
const signIn = (person: ReturnType<typeof newPerson>, wanted: object = { idpId }) => world.signIn(person, wanted);
const change = (id: string, changes: object) => world.change(id, changes);

describe('signing in by a provider', () => {
  it('makes the person, the workspace, the link and the membership, and gives a session in the tenant', async () => {
    const person = newPerson({ name: 'Ann Example' });
    const { browser, outcome } = await signIn(person);
    expect(outcome).toBe('done');
    const session = await sessionOf(browser);
    expect(session).toMatchObject({ tenant: 'main', amr: ['fed'] });
    expect(await world.roleOf(session.sub)).toBe('developer');
    const types = await world.stack.superuser<{ type: string; envelope: string }>(
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
      expect(envelope).not.toContain('Ann Example');
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
      expect(await world.roleOf(sub)).toBe(role);
    }
    await change(idpId, { endMembership: true });
    expect((await signIn({ ...person, groups: [] })).outcome).toBe('refused');
    expect(await world.roleOf(sub)).toBeUndefined();
    expect((await signIn(person)).outcome).toBe('done');
    expect(await world.roleOf(sub)).toBe('developer');
    await change(idpId, { endMembership: false });
  });

  it("believes the second factor of the operator's provider", async () => {
    const { browser } = await signIn(newPerson({ amr: ['pwd', 'otp'] }));
    expect((await sessionOf(browser)).amr).toEqual(['fed', 'mfa']);
  });

  it('lets nobody in who has no group that means a role, without leaving a trace of the person', async () => {
    const before = [await world.count('people'), await world.count('idp_links')];
    expect((await signIn(newPerson({ groups: ['others'] }))).outcome).toBe('refused');
    expect((await signIn(newPerson({ groups: '__proto__' }))).outcome).toBe('refused');
    expect([await world.count('people'), await world.count('idp_links')]).toEqual(before);
  });

  it('reads 10,000 groups', async () => {
    const groups = [...Array.from({ length: 10_000 }, (_, n) => `group-${n}`), 'leads'];
    const { browser } = await signIn(newPerson({ groups }));
    expect(await world.roleOf((await sessionOf(browser)).sub)).toBe('maintainer');
  });

  it('finds the provider by the domain of an address, the same for who has an account and who has none', async () => {
    const person = newPerson({ email: 'known@directory.example' });
    await change(idpId, { domains: ['directory.example', 'example.org'] });
    await sessionOf((await signIn(person, { email: 'known@directory.example' })).browser);
    const page = new Browser(world.replica);
    const ask = (email: string) => page.call(`GET /api/v1/auth/federated/providers?email=${encodeURIComponent(email)}`);
    const [known, unknown] = [await ask('known@directory.example'), await ask('nobody@directory.example')];
    expect(known.body).toEqual(unknown.body);
    expect(known.body.providers).toEqual([{ idpId, name: expect.any(String), tenant: 'main' }]);
    expect((await ask('known@elsewhere.example')).body).toEqual({ providers: [] });
    await change(idpId, { domains: [] });
  });
});

describe('what a provider may not say', () => {
  it.each<Forgery>([
    ...(['wrong_iss', 'wrong_aud', 'many_aud', 'wrong_azp', 'no_nonce', 'other_nonce', 'expired'] as const),
    ...(['wrong_at_hash', 'alg_none', 'hs256_of_public_key', 'hs256_of_client_secret', 'unpublished_key'] as const),
    'no_token',
  ])('an identity token with: %s', async (forgery) => {
    const before = await world.count('people');
    await world.op.control({ forgery });
    const { browser, outcome } = await signIn(newPerson());
    expect(outcome).toBe('refused');
    expect((await browser.finish()).status).toBe(401);
    expect(await world.count('people')).toBe(before);
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
