import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { api } from './api.fixture.js';
import {
  authorizationUrl,
  authorize,
  Browser,
  basic,
  claimsOf,
  discover,
  type OidcStack,
  postForm,
  type Registered,
  redirectUri,
  type SignedIn,
  sha256,
  signInAt,
  startOidc,
} from './oidc.fixture.js';
import { type FirstOwner, type Replica } from './stack.fixture.js';

const scopes = ['openid', 'email', 'profile', 'offline_access'];
const offline = { scope: 'openid email offline_access logs.read', prompt: 'consent' };

let oidc: OidcStack;
let person: SignedIn;
let stranger: SignedIn;
let acme: FirstOwner;
let web: Registered;
let other: Registered;
let config: client.Configuration;

beforeAll(async () => {
  oidc = await startOidc();
  acme = await oidc.stack.bootstrap('acme');
  person = await oidc.signIn();
  stranger = await oidc.signIn(acme);
  web = await oidc.register({ kind: 'web', redirectUris: [redirectUri], permissions: ['logs.*', 'key.read'], scopes });
  other = await oidc.register({ kind: 'web', redirectUris: [redirectUri], scopes });
  config = await discover(oidc.issuer, web.clientId, client.ClientSecretPost(web.clientSecret));
});

afterAll(() => oidc?.stop());

const tokenUrl = () => `${oidc.issuer}/oidc/token`;
const me = (token: string, headers: Record<string, string> = {}) =>
  fetch(`${oidc.issuer}/api/v1/identity/keys`, { headers: { authorization: `Bearer ${token}`, ...headers } });
const introspect = (token: string, by = web) => postForm(`${oidc.issuer}/oidc/introspect`, { token }, basic(by));
const events = (type: string) =>
  oidc.stack.superuser<{ envelope: string }>('select envelope from identity.events where type = $1', [type]);
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: { error?: string; code?: string }) => error.error ?? error.code ?? String(error),
  );

describe('discovery', () => {
  it('is the same at both addresses, names the public address only, and nothing weak', async () => {
    const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const [one, two] = await Promise.all(
      paths.map(
        async (path) => (await fetch(oidc.issuer + path, { headers })).json() as Promise<Record<string, unknown>>,
      ),
    );
    expect(one).toEqual(two);
    expect(JSON.stringify(one)).not.toContain('evil');
    expect(one).toMatchObject({
      issuer: oidc.issuer,
      jwks_uri: `${oidc.issuer}/.well-known/jwks.json`,
      userinfo_endpoint: `${oidc.issuer}/oidc/userinfo`,
      device_authorization_endpoint: `${oidc.issuer}/oidc/device/auth`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
    });
    expect(JSON.stringify(one)).not.toMatch(/"(HS256|plain|implicit|password|RS1)"/);
  });

  it('comes with the headers of every answer of ours', async () => {
    const { headers } = await fetch(`${oidc.issuer}/.well-known/openid-configuration`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-request-id')).toBeTruthy();
  });
});

describe('code flow', () => {
  it('gives tokens that say who, where and for what', async () => {
    const { tokens, back } = await signInAt(config, person, { scope: 'openid email profile logs.read' });
    expect(back.searchParams.get('iss')).toBe(oidc.issuer);
    expect(claimsOf(tokens.access_token)).toMatchObject({
      iss: oidc.issuer,
      aud: 'urn:gatehouse:api',
      sub: person.userId,
      tenant: 'main',
      tenant_name: 'main',
      email: 'owner@main.localhost',
      client_id: web.clientId,
      amr: ['pwd'],
      auth_time: expect.any(Number),
      permissions: ['logs.read'],
    });
    expect(tokens.claims()).toMatchObject({ sub: person.userId, email: 'owner@main.localhost', email_verified: true });
    expect(tokens.refresh_token).toBeUndefined();
    const info = await client.fetchUserInfo(config, tokens.access_token, person.userId);
    expect(info).toMatchObject({ sub: person.userId, email: 'owner@main.localhost' });
  });

  it('gives an id token with at_hash, nonce and auth_time where they were asked for', async () => {
    const { tokens } = await signInAt(config, person, { max_age: '3600' });
    const claims = tokens.claims();
    expect(claims).toMatchObject({ nonce: expect.any(String), auth_time: expect.any(Number) });
    // Only the code flow is offered: at_hash is optional there, and right when it is there (OIDC Core 3.1.3.6).
    if (claims?.at_hash !== undefined) expect(claims.at_hash).toHaveLength(22);
  });

  it('gives never more permissions than asked for, and never more than registered', async () => {
    const permissionsFor = async (scope: string) =>
      claimsOf((await signInAt(config, person, { scope })).tokens.access_token).permissions;
    expect(await permissionsFor('openid email profile')).toEqual([]);
    expect(await permissionsFor('openid logs.read secret.read *')).toEqual(['logs.read']);
    expect(await permissionsFor('openid logs.* key.*')).toEqual(['logs.*']);
  });

  it('leaves e-mail and name out where nobody asked for them', async () => {
    const { tokens } = await signInAt(config, person, { scope: 'openid' });
    expect(claimsOf(tokens.access_token)).not.toHaveProperty('email');
    expect(tokens.claims()).not.toHaveProperty('email');
    expect(await client.fetchUserInfo(config, tokens.access_token, person.userId)).toEqual({ sub: person.userId });
  });

  it('keeps a token in the tenant it was given for, and inside its permissions', async () => {
    await oidc.append('acme', `member:${person.userId}`, 'member.added', {
      userId: person.userId,
      role: 'viewer',
      via: 'operator',
    });
    const { tokens } = await signInAt(config, person, { scope: 'openid key.read' });
    await waitFor(async () => (await me(person.token, { 'x-tenant-id': 'acme' })).status === 200);
    expect((await me(tokens.access_token)).status).toBe(200);
    expect((await me(tokens.access_token, { 'x-tenant-id': 'acme' })).status).toBe(403);
    const asked = oidc.stack.policy.asked.at(-1);
    expect(asked).toMatchObject({ tenantId: 'main', subject: { type: 'user', id: person.userId } });
  });

  it('lets nobody in who does not belong to the tenant of the client', async () => {
    const { url } = await authorizationUrl(config);
    await expect(authorize(new Browser(), url, stranger)).rejects.toThrow(/403.*not_a_member/);
  });

  it('tells the client that the person did not agree', async () => {
    const { url, state } = await authorizationUrl(config);
    const back = await authorize(new Browser(), url, { ...person, refuses: true });
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ error: 'access_denied', state, iss: oidc.issuer });
    expect(back.searchParams.get('code')).toBeNull();
  });

  it('does not ask twice in one browser, and answers prompt=none', async () => {
    const browser = new Browser();
    const silent = await authorizationUrl(config, { prompt: 'none' });
    expect((await authorize(browser, silent.url, person)).searchParams.get('error')).toBe('login_required');
    await signInAt(config, person, {}, browser);
    const again = await authorizationUrl(config, { prompt: 'none' });
    const back = await authorize(browser, again.url, person);
    expect(back.searchParams.get('code')).toBeTruthy();
    const more = await authorizationUrl(config, { prompt: 'none', scope: 'openid key.read' });
    expect((await authorize(browser, more.url, person)).searchParams.get('error')).toBe('consent_required');
  });

  it('asks for a fresh sign-in with prompt=login and max_age, and takes no old one', async () => {
    const old = await oidc.signIn(oidc.owner, { secondsAgo: 600 });
    for (const ask of [{ prompt: 'login' }, { max_age: '60' }] as Record<string, string>[]) {
      const browser = new Browser();
      await signInAt(config, old, {}, browser);
      const { url } = await authorizationUrl(config, ask);
      await expect(authorize(browser, url, old)).rejects.toThrow(/403.*sign_in_too_old/);
      const fresh = await oidc.signIn();
      const back = await authorize(browser, url, fresh);
      expect(back.searchParams.get('code')).toBeTruthy();
    }
  });

  it('asks for a sign-in again once the one behind the browser ended', async () => {
    const browser = new Browser();
    const leaving = await oidc.signIn();
    await signInAt(config, leaving, {}, browser);
    await oidc.endSession(leaving);
    const { url } = await authorizationUrl(config, { prompt: 'none' });
    expect((await authorize(browser, url, leaving)).searchParams.get('error')).toBe('login_required');
  });

  it('skips consent where the tenant registered its own client so', async () => {
    const own = await oidc.register({ kind: 'web', redirectUris: [redirectUri], skipConsent: true });
    const ownConfig = await discover(oidc.issuer, own.clientId, client.ClientSecretBasic(own.clientSecret));
    const { url } = await authorizationUrl(ownConfig);
    const browser = new Browser();
    const login = new URL((await browser.open(url.href)).at);
    const uid = login.searchParams.get('interaction');
    const answer = await browser.call<{ location: string }>(
      `${oidc.issuer}/oidc/interaction/${uid}/login`,
      {},
      person.token,
    );
    const { at } = await browser.open(answer.body.location);
    expect(new URL(at).searchParams.get('code')).toBeTruthy();
  });
});

describe('what an attacker tries at the authorization endpoint', () => {
  const direct = async (changes: Record<string, string | undefined>) => {
    const { url } = await authorizationUrl(config);
    for (const [name, value] of Object.entries(changes))
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    const response = await fetch(url, { redirect: 'manual' });
    return { status: response.status, location: response.headers.get('location'), text: await response.text() };
  };

  it.each([
    'https://app.example/cb/',
    'https://app.example/cb?x=1',
    'https://app.example/CB',
    'https://app.example:443/cb2',
    'https://app.example.evil.example/cb',
    'https://evil.example/cb',
    'http://app.example/cb',
    'https://app.example/cb/../cb',
    'https://app.example%2f@evil.example/cb',
    'https://app.example/cb#',
    '//evil.example/cb',
    'javascript:alert(1)',
  ])('redirects nowhere with %s', async (uri) => {
    const { status, location, text } = await direct({ redirect_uri: uri });
    expect({ status, location }).toEqual({ status: 400, location: null });
    expect(JSON.parse(text)).toMatchObject({ error: expect.stringMatching(/^invalid_/) });
  });

  it.each<[string, Record<string, string | undefined>, string]>([
    ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a challenge without its method', { code_challenge_method: undefined }, 'invalid_request'],
    ['tokens in the address', { response_type: 'token' }, 'unsupported_response_type'],
    [
      'an id token in the address',
      { response_type: 'id_token', response_mode: 'fragment' },
      'unsupported_response_type',
    ],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['a request by reference', { request_uri: 'https://evil.example/r' }, 'request_uri_not_supported'],
    ['another resource', { resource: 'urn:other:api' }, 'invalid_target'],
    ['prompt=none with others', { prompt: 'none login' }, 'invalid_request'],
  ])('is told so: %s', async (_name, changes, error) => {
    const { location } = await direct(changes);
    const back = new URL(location ?? '');
    expect(back.host).toBe('app.example');
    expect([back.searchParams.get('error'), new URLSearchParams(back.hash.slice(1)).get('error')]).toContain(error);
  });

  it('is told nothing of a client that is not there', async () => {
    for (const client_id of ['nobody', crypto.randomUUID(), '', `${web.clientId}'`]) {
      const { status, location, text } = await direct({ client_id });
      expect({ status, location }).toEqual({ status: 400, location: null });
      expect(text).not.toContain('stack');
    }
  });
});

describe('the pages of a flow', () => {
  const begin = async (browser: Browser) => {
    const { url } = await authorizationUrl(config);
    const { at } = await browser.open(url.href);
    const uid = new URL(at).searchParams.get('interaction') ?? '';
    return { uid, address: `${oidc.issuer}/oidc/interaction/${uid}` };
  };

  it('are told what is asked, and by whom', async () => {
    const browser = new Browser();
    const { uid, address } = await begin(browser);
    const { body } = await browser.call(address, undefined);
    expect(body).toMatchObject({
      uid,
      prompt: 'login',
      client: { id: web.clientId, title: 'A test', registered: true },
      redirectHost: 'app.example',
      scopes: ['openid', 'email', 'profile'],
      permissions: [],
    });
  });

  it('belong to the browser that began: without its cookie there is nothing', async () => {
    const { address } = await begin(new Browser());
    const attacker = new Browser();
    for (const [path, body] of [
      ['', undefined],
      ['/login', {}],
      ['/consent', {}],
      ['/abort', {}],
    ] as const)
      expect(await attacker.call(`${address}${path}`, body, person.token)).toMatchObject({
        status: 404,
        body: { code: 'interaction_over' },
      });
    const own = await begin(attacker);
    expect(own.uid).not.toBe('');
    // His own flow's cookie, sent by hand to the address of another's.
    const cookie = attacker.cookieFor(own.address);
    expect(cookie).toContain('gatehouse_interaction');
    expect((await fetch(own.address, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(address, { headers: { cookie } })).status).toBe(404);
  });

  it('can be called by our own pages only', async () => {
    const browser = new Browser();
    const { address } = await begin(browser);
    const post = (headers: Record<string, string>, body = '{}') =>
      browser.fetch(`${address}/abort`, { method: 'POST', headers, body });
    const json = { 'content-type': 'application/json' };
    expect((await post(json)).status).toBe(403);
    expect((await post({ ...json, 'x-gatehouse-request': '1', 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await post({ ...json, 'x-gatehouse-request': '1', 'sec-fetch-site': 'same-site' })).status).toBe(403);
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-gatehouse-request': '1' };
    expect((await post(form, 'a=b')).status).toBe(400);
    expect((await browser.call(address, undefined)).status).toBe(200);
  });

  it('keep two flows of one browser apart', async () => {
    const browser = new Browser();
    const [one, two] = [await begin(browser), await begin(browser)];
    for (const { address, uid } of [one, two])
      expect((await browser.call(address, undefined)).body).toMatchObject({ uid });
  });

  it('are no place for keys and tokens of programs', async () => {
    const browser = new Browser();
    const { address } = await begin(browser);
    const { tokens } = await signInAt(config, person, { scope: 'openid logs.read' });
    for (const credential of [oidc.owner.operatorKey, tokens.access_token])
      expect((await browser.call(`${address}/login`, {}, credential)).status).toBe(403);
    expect((await browser.call(`${address}/login`, {})).status).toBe(401);
  });

  it('do not go on with a sign-in that ended', async () => {
    const browser = new Browser();
    const { address } = await begin(browser);
    const gone = await oidc.signIn();
    await oidc.endSession(gone);
    const { status } = await browser.call(`${address}/login`, {}, gone.token);
    expect([401, 403]).toContain(status);
  });

  it('do not mix two people: who signs in second takes the place of the first', async () => {
    const browser = new Browser();
    await signInAt(config, person, {}, browser);
    const { url } = await authorizationUrl(config, { prompt: 'login' });
    const second = { ...(await oidc.signIn()), userId: person.userId };
    expect((await authorize(browser, url, second)).searchParams.get('code')).toBeTruthy();
    const foreign = await authorizationUrl(config, { prompt: 'login' });
    await expect(authorize(browser, foreign.url, await oidc.signIn(acme))).rejects.toThrow(/not_a_member/);
  });

  it('ask for the second factor that the tenant asks for', async () => {
    const strict = await oidc.stack.bootstrap('strict');
    await oidc.append('strict', 'tenant:strict', 'tenant.settings_changed', { requireSecondFactor: true });
    await oidc.stack.superuser(`update identity.tenants set require_second_factor = true where tenant_id = 'strict'`);
    const key = strict.operatorKey;
    await waitFor(async () => (await api(oidc.replica, 'GET /me', { key })).status === 200);
    const theirs = await oidc.register({ kind: 'web', redirectUris: [redirectUri] }, key);
    const theirConfig = await discover(oidc.issuer, theirs.clientId, client.ClientSecretBasic(theirs.clientSecret));
    const { url } = await authorizationUrl(theirConfig);
    const weak = await oidc.signIn(strict);
    await expect(authorize(new Browser(), url, weak)).rejects.toThrow(/tenant_needs_second_factor/);
    const strong = await oidc.signIn(strict, { methods: ['pwd', 'otp'] });
    const { tokens } = await signInAt(theirConfig, strong);
    expect(claimsOf(tokens.access_token)).toMatchObject({ tenant: 'strict', amr: ['pwd', 'otp'] });
  });
});

describe('a code', () => {
  const codeFor = async () => {
    const { url, verifier } = await authorizationUrl(config, offline);
    const back = await authorize(new Browser(), url, person);
    const code = back.searchParams.get('code') ?? '';
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier };
    return form;
  };

  it('is redeemed once: the second time ends what the first one gave', async () => {
    const form = await codeFor();
    const first = await postForm(tokenUrl(), form, basic(web));
    expect(first.status).toBe(200);
    const { access_token = '', refresh_token = '' } = first.body;
    expect((await introspect(access_token)).body).toMatchObject({ active: true });
    expect(await postForm(tokenUrl(), form, basic(web))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await introspect(access_token)).body).toEqual({ active: false });
    expect(await errorOf(client.refreshTokenGrant(config, refresh_token))).toBe('invalid_grant');
    await waitFor(async () => (await me(access_token)).status === 401);
    const revoked = (await events('oauth_grant.revoked')).map(({ envelope }) => JSON.parse(envelope));
    expect(revoked.map(({ data }) => data)).toContainEqual({
      grantId: claimsOf(access_token).sid,
      clientId: web.clientId,
      userId: person.userId,
      reason: 'reuse',
    });
  });

  it('is redeemed by one of many at once, over two replicas, and then nobody keeps anything', async () => {
    const second = await oidc.stack.serveApart(oidc.env);
    const form = await codeFor();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const at: Pick<Replica, 'address'> = i % 2 ? second : oidc.replica;
        return postForm(`${at.address}/oidc/token`, form, basic(web));
      }),
    );
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    const others = answers.filter(({ status }) => status !== 200);
    expect(others.every(({ body }) => body.error === 'invalid_grant')).toBe(true);
    for (const { body } of answers.filter(({ status }) => status === 200))
      expect((await introspect(body.access_token ?? '')).body).toEqual({ active: false });
    await second.stop();
  });

  it.each<[string, (form: Record<string, string>) => Record<string, string | undefined>]>([
    ['without the verifier', () => ({ code_verifier: undefined })],
    ['with another verifier', () => ({ code_verifier: 'x'.repeat(43) })],
    ['with the challenge as the verifier', ({ code_verifier = '' }) => ({ code_verifier: sha256(code_verifier) })],
    ['with another redirect URI', () => ({ redirect_uri: 'https://app.example/other' })],
    ['without the redirect URI', () => ({ redirect_uri: undefined })],
  ])('is worth nothing %s', async (_name, change) => {
    const form = await codeFor();
    const changed = Object.entries({ ...form, ...change(form) }).filter((entry) => entry[1] !== undefined);
    const { status, body } = await postForm(
      tokenUrl(),
      Object.fromEntries(changed) as Record<string, string>,
      basic(web),
    );
    expect(status).toBe(400);
    expect(['invalid_grant', 'invalid_request']).toContain(body.error);
  });

  it('is worth nothing to another client, to a wrong secret, and after a minute', async () => {
    const form = await codeFor();
    expect((await postForm(tokenUrl(), form, basic(other))).body.error).toBe('invalid_grant');
    const wrong = { ...web, clientSecret: `${web.clientSecret.slice(0, -1)}_` };
    expect(await postForm(tokenUrl(), form, basic(wrong))).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    const unauthenticated = await postForm(tokenUrl(), { ...form, client_id: web.clientId });
    expect(unauthenticated).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    await oidc.stack.superuser(`update identity.oidc_records set expires_at = now() - interval '1 second'
      where model = 'AuthorizationCode' and consumed_at is null`);
    expect((await postForm(tokenUrl(), form, basic(web))).body.error).toBe('invalid_grant');
  });
});

describe('a refresh token', () => {
  it('is replaced at each use, and narrows but never widens', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    expect(claimsOf(next.access_token)).toMatchObject({ permissions: ['logs.read'], tenant: 'main' });
    const narrow = await client.refreshTokenGrant(config, next.refresh_token ?? '', { scope: 'openid' });
    expect(claimsOf(narrow.access_token).permissions).toEqual([]);
    const wide = client.refreshTokenGrant(config, narrow.refresh_token ?? '', { scope: 'openid logs.read key.read' });
    expect(await errorOf(wide)).toBe('invalid_scope');
  });

  it('that was used before ends the family, for every service', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(await errorOf(client.refreshTokenGrant(config, tokens.refresh_token ?? ''))).toBe('invalid_grant');
    expect(await errorOf(client.refreshTokenGrant(config, next.refresh_token ?? ''))).toBe('invalid_grant');
    expect((await introspect(next.access_token)).body).toEqual({ active: false });
    await waitFor(async () => (await me(next.access_token)).status === 401);
  });

  it('has one successor, however many use it at once', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => postForm(tokenUrl(), form, basic(web))));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    const [winner] = answers.filter(({ status }) => status === 200);
    if (winner) expect((await introspect(winner.body.access_token ?? '')).body).toEqual({ active: false });
  });

  it('is of its client only, and of a person who is active and a member', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    expect((await postForm(tokenUrl(), form, basic(other))).body.error).toBe('invalid_grant');
    expect((await introspect(tokens.refresh_token ?? '', other)).body).toEqual({ active: false });
    expect((await introspect(tokens.refresh_token ?? '')).body).toMatchObject({
      active: true,
      client_id: web.clientId,
    });
    expect(
      await oidc.stack.superuser(`select from identity.oidc_records where model <> 'Grant' and id = $1`, [
        form.refresh_token,
      ]),
    ).toEqual([]);
  });

  it('ends at /oidc/revoke, with its access tokens; revoking anything else answers the same', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const revoke = (token: string, by: Registered) => postForm(`${oidc.issuer}/oidc/revoke`, { token }, basic(by));
    expect((await revoke(tokens.refresh_token ?? '', other)).status).toBe(200);
    expect((await revoke(tokens.access_token, other)).status).toBe(200);
    expect((await introspect(tokens.access_token)).body).toMatchObject({ active: true });
    await client.tokenRevocation(config, tokens.refresh_token ?? '');
    for (const token of [tokens.refresh_token ?? '', tokens.access_token]) {
      expect((await introspect(token)).body).toEqual({ active: false });
      expect((await revoke(token, web)).status).toBe(200);
    }
    expect((await revoke('never-there', web)).status).toBe(200);
    await waitFor(async () => (await me(tokens.access_token)).status === 401);
  });

  it('ends with an access token of its family that is revoked', async () => {
    const { tokens } = await signInAt(config, person, offline);
    await client.tokenRevocation(config, tokens.access_token);
    expect(await errorOf(client.refreshTokenGrant(config, tokens.refresh_token ?? ''))).toBe('invalid_grant');
  });

  it('ends with the sign-in it came from', async () => {
    const leaving = await oidc.signIn();
    const { tokens } = await signInAt(config, leaving, offline);
    await oidc.endSession(leaving);
    await waitFor(async () => !(await introspect(tokens.access_token)).body.active);
    expect(await errorOf(client.refreshTokenGrant(config, tokens.refresh_token ?? ''))).toBe('invalid_grant');
  });
});

describe('introspection', () => {
  it('says what a token may, to its client and to nobody else', async () => {
    const { tokens } = await signInAt(config, person, { scope: 'openid logs.read' });
    const own = await client.tokenIntrospection(config, tokens.access_token);
    expect(own).toMatchObject({
      active: true,
      sub: person.userId,
      client_id: web.clientId,
      scope: 'logs.read',
      token_type: 'Bearer',
    });
    expect((await introspect(tokens.access_token, other)).body).toEqual({ active: false });
    const trusted = await oidc.register({ kind: 'service', introspectTenant: true });
    expect((await introspect(tokens.access_token, trusted)).body).toMatchObject({ active: true });
    const foreign = await oidc.register({ kind: 'service', introspectTenant: true }, acme.operatorKey);
    expect((await introspect(tokens.access_token, foreign)).body).toEqual({ active: false });
  });

  it('knows no token that was tampered with, of another issuer, or unsigned', async () => {
    const { tokens } = await signInAt(config, person);
    const [head = '', body = '', signature = ''] = tokens.access_token.split('.');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    const forged = [
      `${head}.${Buffer.from(JSON.stringify({ ...claimsOf(tokens.access_token), tenant: 'acme' })).toString('base64url')}.${signature}`,
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      'x'.repeat(9_000),
    ];
    for (const token of forged) expect((await introspect(token)).body).not.toMatchObject({ active: true });
    expect((await postForm(`${oidc.issuer}/oidc/introspect`, { token: tokens.access_token })).status).toBe(400);
  });
});

describe('when PostgreSQL is away', () => {
  it('clients are told to try again, and then it goes on', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    await oidc.stack.superuser('alter role gatehouse_identity_system nologin');
    await oidc.stack.superuser(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gatehouse_identity_system'`,
    );
    const away = await waitFor(async () => {
      const answer = await postForm(tokenUrl(), form, basic(web));
      return answer.status === 503 && answer;
    });
    expect(away.body).toMatchObject({ error: 'temporarily_unavailable' });
    expect(JSON.stringify(away.body)).not.toMatch(/role|login|postgres/i);
    const asked = await introspect(tokens.access_token);
    expect(asked).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    await oidc.stack.superuser('alter role gatehouse_identity_system login');
    const next = await waitFor(async () => {
      const answer = await postForm(tokenUrl(), form, basic(web));
      return answer.status === 200 && answer;
    });
    expect(next.body.access_token).toBeTruthy();
  });
});

describe('what is stored', () => {
  it('holds no code, token, secret or address in clear', async () => {
    const { tokens } = await signInAt(config, person, offline);
    const rows = JSON.stringify(await oidc.stack.superuser('select * from identity.oidc_records'));
    const log = oidc.replica.log();
    const events = JSON.stringify(await oidc.stack.superuser('select envelope from identity.events'));
    for (const secret of [tokens.refresh_token ?? '', tokens.access_token, web.clientSecret, 'owner@main.localhost'])
      for (const place of [rows, log, events]) expect(place).not.toContain(secret);
  });
});
