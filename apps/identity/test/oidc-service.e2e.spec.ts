import { randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as client from 'openid-client';
import { api } from './api.fixture.js';
import {
  basic,
  claimsOf,
  discover,
  type OidcStack,
  postForm,
  type Registered,
  redirectUri,
  type SignedIn,
  signInAt,
  startOidc,
} from './oidc.fixture.js';
import { type FirstOwner } from './stack.fixture.js';

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

let oidc: OidcStack;
let person: SignedIn;
let acme: FirstOwner;
let web: Registered;
let webConfig: client.Configuration;
let service: Registered;

beforeAll(async () => {
  oidc = await startOidc();
  acme = await oidc.stack.bootstrap('acme');
  person = await oidc.signIn();
  const scopes = ['openid', 'offline_access'];
  web = await oidc.register({ kind: 'web', redirectUris: [redirectUri], permissions: ['logs.*', 'key.read'], scopes });
  webConfig = await discover(oidc.issuer, web.clientId, client.ClientSecretBasic(web.clientSecret));
  service = await oidc.register({
    kind: 'service',
    name: 'robot',
    roles: ['developer'],
    permissions: ['logs.read', 'key.*'],
    exchangeFrom: [web.clientId, 'session'],
  });
});

afterAll(() => oidc?.stop());

const token = (form: Record<string, string>, headers = basic(service)) =>
  postForm(`${oidc.issuer}/oidc/token`, form, headers);
const call = (bearer: string, path = 'GET /me') => api(oidc.replica, path, { key: bearer });
const clientsApi = (what: string, body?: object, key = oidc.owner.operatorKey, headers: Record<string, string> = {}) =>
  api(oidc.replica, what, { key, ...(body && { body }), headers }) as unknown as Promise<{
    status: number;
    headers: Headers;
    body: Record<string, unknown> & { clients: Record<string, unknown>[]; clientSecret: string; clientId: string };
  }>;

describe('clients', () => {
  it('are registered by who may, with their roles asked one by one, and shown without their secret', async () => {
    const before = oidc.stack.policy.asked.length;
    const { status, body } = await clientsApi('POST /clients', {
      name: 'shown',
      title: 'Shown',
      kind: 'service',
      roles: ['viewer'],
    });
    expect(status).toBe(201);
    expect(
      oidc.stack.policy.asked.slice(before).map(({ action, resource }) => `${action} ${resource.type}/${resource.id}`),
    ).toEqual(['client.create tenant/main', 'role.grant role/viewer']);
    expect(body).toMatchObject({
      name: 'shown',
      principal: { type: 'service', id: 'client.shown' },
      revision: 1,
      permissions: [],
    });
    expect(body.clientSecret).toMatch(/^gcs_[A-Za-z0-9_-]{43}$/);
    const shown = await clientsApi(`GET /clients/${body.clientId}`);
    expect(shown.headers.get('etag')).toBe('"1"');
    const listed = await clientsApi('GET /clients?limit=200');
    const kept = JSON.stringify([
      shown.body,
      listed.body,
      await oidc.stack.superuser('select * from identity.oauth_clients'),
    ]);
    expect(kept).not.toContain(body.clientSecret);
    expect(JSON.stringify([shown.body, listed.body])).not.toContain('fingerprint');
    expect(
      await clientsApi('POST /clients', { name: 'shown', title: 'Shown', kind: 'spa', redirectUris: [redirectUri] }),
    ).toMatchObject({
      status: 409,
      body: { code: 'client_name_taken' },
    });
  });

  it('are seen and changed in their own tenant only', async () => {
    for (const what of [
      `GET /clients/${web.clientId}`,
      `DELETE /clients/${web.clientId}`,
      `POST /clients/${web.clientId}/rotate-secret`,
    ])
      expect((await clientsApi(what, undefined, acme.operatorKey)).status).toBe(404);
    expect((await clientsApi('GET /clients', undefined, acme.operatorKey)).body.clients).toEqual([]);
  });

  it.each([
    [{ kind: 'web', redirectUris: [] }, 'client_redirect_uri_missing'],
    [{ kind: 'web', redirectUris: ['http://app.example/cb'] }, 'client_redirect_uri_invalid'],
    [{ kind: 'spa', redirectUris: ['https://*.example/cb'] }, 'client_redirect_uri_invalid'],
    [{ kind: 'native', redirectUris: ['javascript:alert(1)'] }, 'client_redirect_uri_invalid'],
    [{ kind: 'spa', redirectUris: [redirectUri], auth: 'secret' }, 'client_setting_not_for_kind'],
    [{ kind: 'web', redirectUris: [redirectUri], auth: 'none' }, 'client_setting_not_for_kind'],
    [{ kind: 'web', redirectUris: [redirectUri], roles: ['owner'] }, 'client_setting_not_for_kind'],
    [{ kind: 'native', redirectUris: ['http://127.0.0.1/cb'], skipConsent: true }, 'client_setting_not_for_kind'],
    [{ kind: 'service', redirectUris: [redirectUri] }, 'client_setting_not_for_kind'],
    [{ kind: 'service', permissions: ['logs.*.read'] }, 'client_permission_invalid'],
    [{ kind: 'service', auth: 'private_key_jwt' }, 'client_keys_missing'],
    [{ kind: 'service', tenantId: 'acme' }, 'validation_failed'],
  ])('are refused when they make no sense: %j', async (body, code) => {
    expect(
      await clientsApi('POST /clients', { title: 'x', name: `n-${randomUUID().slice(0, 8)}`, ...body }),
    ).toMatchObject({
      status: 400,
      body: { code },
    });
  });

  it('get another secret, with an overlap where one is wanted', async () => {
    const made = await oidc.register({ kind: 'service', permissions: [] });
    const works = async (clientSecret: string) =>
      (await token({ grant_type: 'client_credentials' }, basic({ ...made, clientSecret }))).status;
    const rotate = (overlapSeconds: number) =>
      clientsApi(`POST /clients/${made.clientId}/rotate-secret`, { overlapSeconds });
    const second = (await rotate(60)).body.clientSecret;
    expect([await works(made.clientSecret), await works(second)]).toEqual([200, 200]);
    const third = (await rotate(0)).body.clientSecret;
    expect([await works(made.clientSecret), await works(second), await works(third)]).toEqual([401, 401, 200]);
  });

  it('respect If-Match and Idempotency-Key', async () => {
    const made = await oidc.register({ kind: 'service' });
    const settings = { title: 'Other', permissions: ['logs.read'] };
    const put = (headers: Record<string, string>) =>
      clientsApi(`PUT /clients/${made.clientId}`, settings, undefined, headers);
    expect((await put({ 'if-match': '"7"' })).status).toBe(412);
    const headers = { 'if-match': '"1"', 'idempotency-key': 'update-once' };
    expect(await put(headers)).toMatchObject({ status: 200, body: { title: 'Other', revision: 2 } });
    expect(await put(headers)).toMatchObject({ status: 200, body: { revision: 2 } });
  });

  it('end with all of their tokens when they are removed', async () => {
    const made = await oidc.register({ kind: 'service', permissions: ['*'] });
    const own = (await token({ grant_type: 'client_credentials', scope: '*' }, basic(made))).body.access_token ?? '';
    expect((await call(own)).status).toBe(200);
    expect((await clientsApi(`DELETE /clients/${made.clientId}`)).body).toEqual({
      clientId: made.clientId,
      removed: true,
    });
    expect((await token({ grant_type: 'client_credentials' }, basic(made))).status).toBe(401);
    await waitFor(async () => (await call(own)).status === 401);
    expect((await clientsApi(`GET /clients/${made.clientId}`)).status).toBe(404);
  });
});

describe('client credentials', () => {
  it('give a service a token of its own, with what it asked for and may', async () => {
    const config = await discover(oidc.issuer, service.clientId, client.ClientSecretPost(service.clientSecret));
    const tokens = await client.clientCredentialsGrant(config, { scope: 'logs.read secret.read' });
    expect(claimsOf(tokens.access_token)).toMatchObject({
      sub: 'client.robot',
      principal: 'service',
      tenant: 'main',
      client_id: service.clientId,
      permissions: ['logs.read'],
    });
    expect(tokens.refresh_token).toBeUndefined();
    const all = await client.clientCredentialsGrant(config, { scope: 'key.*' });
    await call(all.access_token, 'GET /keys');
    expect(oidc.stack.policy.asked.at(-1)).toMatchObject({ subject: { type: 'service', id: 'client.robot' } });
    expect(await client.tokenIntrospection(config, all.access_token)).toMatchObject({
      active: true,
      sub: 'client.robot',
    });
  });

  it('are not for clients of people', async () => {
    expect((await token({ grant_type: 'client_credentials' }, basic(web))).status).toBe(400);
  });
});

describe('client authentication', () => {
  it.each<[string, () => Record<string, string>, Record<string, string>, number]>([
    ['in two ways at once', () => basic(service), { client_secret: 'x', client_id: '' }, 400],
    ['by no means', () => ({}), {}, 400],
    ['with an empty secret', () => basic({ ...service, clientSecret: '' }), {}, 400],
    ['with the stored fingerprint', () => ({ authorization: 'Basic bm9ib2R5Ong=' }), {}, 401],
    ['as a bearer', () => ({ authorization: `Bearer ${service.clientSecret}` }), {}, 400],
  ])('fails %s', async (_name, headers, more, status) => {
    const answer = await token({ grant_type: 'client_credentials', ...more }, headers());
    expect(answer.status).toBe(status);
    expect(answer.body.access_token).toBeUndefined();
  });

  it('does not take what the database holds for a secret', async () => {
    const [row] = await oidc.stack.superuser<{ fingerprint: string }>(
      `select client->>'fingerprint' fingerprint from identity.oauth_clients where client_id = $1`,
      [service.clientId],
    );
    const clientSecret = row?.fingerprint ?? '';
    expect(clientSecret).not.toBe('');
    expect((await token({ grant_type: 'client_credentials' }, basic({ ...service, clientSecret }))).status).toBe(401);
  });

  it('with a key of its own: each assertion once, for here, by the right key', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const other = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    const keyed = await oidc.register({ kind: 'service', auth: 'private_key_jwt', jwks: { keys: [jwk] } });
    const config = await discover(
      oidc.issuer,
      keyed.clientId,
      client.PrivateKeyJwt({ key: pair.privateKey, kid: 'one' }),
    );
    expect((await client.clientCredentialsGrant(config)).access_token).toBeTruthy();
    const assertion = (change: Record<string, unknown> = {}, key = pair.privateKey, alg = 'ES256') =>
      new SignJWT({
        iss: keyed.clientId,
        sub: keyed.clientId,
        aud: oidc.issuer,
        jti: randomUUID(),
        exp: Math.floor(Date.now() / 1_000) + 60,
        ...change,
      })
        .setProtectedHeader({ alg, kid: 'one' })
        .sign(key);
    const use = async (client_assertion: string) =>
      (
        await token(
          {
            grant_type: 'client_credentials',
            client_assertion,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          },
          {},
        )
      ).status;
    const once = await assertion();
    expect([await use(once), await use(once)]).toEqual([200, 401]);
    const racing = await assertion();
    const answers = await Promise.all(Array.from({ length: 8 }, () => use(racing)));
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(await use(await assertion({ aud: 'https://other.example' }))).toBe(401);
    expect(await use(await assertion({ iss: 'somebody-else' }))).toBe(401);
    expect(await use(await assertion({ exp: 1 }))).toBe(401);
    expect(await use(await assertion({ jti: undefined }))).toBe(401);
    expect(await use(await assertion({}, other.privateKey))).toBe(401);
    const secretKey = await new SignJWT({
      iss: keyed.clientId,
      sub: keyed.clientId,
      aud: oidc.issuer,
      jti: randomUUID(),
      exp: Math.floor(Date.now() / 1_000) + 60,
    })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(Buffer.from(JSON.stringify(jwk)));
    expect(await use(secretKey)).toBe(401);
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${once.split('.')[1]}.`;
    expect([400, 401]).toContain(await use(none));
  });
});

describe('DPoP', () => {
  it('binds tokens to a key of the client, at the token endpoint, at refresh and at every service', async () => {
    const keys = await client.randomDPoPKeyPair('ES256');
    const DPoP = client.getDPoPHandle(webConfig, keys);
    const { verifier, back, state, nonce } = await codeFor();
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
    const tokens = await client.authorizationCodeGrant(webConfig, back, checks, undefined, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    expect(claimsOf(tokens.access_token).cnf).toEqual({ jkt: expect.any(String) });
    const url = new URL(`${oidc.issuer}/api/v1/identity/keys?limit=1`);
    const answer = await client.fetchProtectedResource(
      webConfig,
      tokens.access_token,
      url,
      'GET',
      undefined,
      undefined,
      { DPoP },
    );
    expect(answer.status).toBe(200);
    expect((await call(tokens.access_token)).status).toBe(401);
    expect(await client.fetchUserInfo(webConfig, tokens.access_token, person.userId, { DPoP })).toMatchObject({
      sub: person.userId,
    });
    const thief = client.getDPoPHandle(webConfig, await client.randomDPoPKeyPair('ES256'));
    await expect(
      client.fetchProtectedResource(webConfig, tokens.access_token, url, 'GET', undefined, undefined, { DPoP: thief }),
    ).rejects.toThrow();
    const introspected = await client.tokenIntrospection(webConfig, tokens.access_token);
    expect(introspected).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: expect.any(String) } });
    const next = await client.refreshTokenGrant(webConfig, tokens.refresh_token ?? '', undefined, { DPoP });
    expect(claimsOf(next.access_token).cnf).toEqual(claimsOf(tokens.access_token).cnf);
  });

  it('is demanded of clients that are registered so, with a nonce of ours', async () => {
    const strict = await oidc.register({ kind: 'service', requireDpop: true });
    expect((await token({ grant_type: 'client_credentials' }, basic(strict))).status).toBe(400);
    const config = await discover(oidc.issuer, strict.clientId, client.ClientSecretPost(strict.clientSecret));
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const tokens = await client.clientCredentialsGrant(config, {}, { DPoP });
    expect(claimsOf(tokens.access_token).cnf).toBeTruthy();
  });

  it('takes each proof once, also over replicas, and none without the nonce', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const proof = (nonce?: string, change: Record<string, unknown> = {}) =>
      new SignJWT({
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1_000),
        htm: 'POST',
        htu: `${oidc.issuer}/oidc/token`,
        ...(nonce && { nonce }),
        ...change,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(pair.privateKey);
    const ask = async (DPoP: string) => token({ grant_type: 'client_credentials' }, { ...basic(service), DPoP });
    const first = await ask(await proof());
    expect(first).toMatchObject({ status: 400, body: { error: 'use_dpop_nonce' } });
    const nonce = first.headers.get('dpop-nonce') ?? '';
    const good = await proof(nonce);
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(good)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await ask(await proof(nonce, { htu: `${oidc.issuer}/oidc/revoke` }))).body.error).toBe(
      'invalid_dpop_proof',
    );
    expect((await ask(await proof(nonce, { htm: 'GET' }))).body.error).toBe('invalid_dpop_proof');
    const spelled = `HTTP://127.0.0.1:${new URL(oidc.issuer).port}/oidc/./token?x=1#y`;
    expect((await ask(await proof(nonce, { htu: spelled }))).status).toBe(200);
    expect((await ask(await proof('made-up'))).body.error).toBe('use_dpop_nonce');
  });

  const codeFor = async () => {
    const { authorizationUrl, authorize, Browser } = await import('./oidc.fixture.js');
    const asked = await authorizationUrl(webConfig, { scope: 'openid offline_access key.read', prompt: 'consent' });
    return { ...asked, back: await authorize(new Browser(), asked.url, person) };
  };
});

describe('token exchange', () => {
  const exchange = (subject_token: string, more: Record<string, string> = {}, headers = basic(service)) =>
    token({ grant_type: exchangeGrant, subject_token, subject_token_type: accessToken, ...more }, headers);
  const userToken = async (scope = 'openid logs.* key.read') =>
    (await signInAt(webConfig, person, { scope })).tokens.access_token;

  it('lets a service act for a person, with less than the person, and names it', async () => {
    const config = await discover(oidc.issuer, service.clientId, client.ClientSecretPost(service.clientSecret));
    const subject = await userToken();
    const form = { subject_token: subject, subject_token_type: accessToken, audience: 'urn:gatehouse:api' };
    const tokens = await client.genericGrantRequest(config, exchangeGrant, form);
    expect(tokens).toMatchObject({ issued_token_type: accessToken, token_type: 'bearer' });
    const claims = claimsOf(tokens.access_token);
    expect(claims).toMatchObject({
      sub: person.userId,
      tenant: 'main',
      sid: claimsOf(subject).sid,
      client_id: service.clientId,
      act: { sub: 'service/client.robot', client_id: service.clientId },
    });
    expect(new Set(claims.permissions as string[])).toEqual(new Set(['logs.read', 'key.read']));
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(300);
    expect(tokens.refresh_token).toBeUndefined();
    await call(tokens.access_token, 'GET /keys');
    expect(oidc.stack.policy.asked.at(-1)).toMatchObject({ subject: { type: 'user', id: person.userId } });
    const [event] = await oidc.stack.superuser<{ envelope: string }>(
      `select envelope from identity.events where type = 'token.exchanged'`,
    );
    expect(JSON.parse(event?.envelope ?? '')).toMatchObject({
      actor: { type: 'service', id: 'client.robot' },
      data: { clientId: service.clientId, userId: person.userId },
    });
  });

  it('takes a sign-in where the client may, and gives never more than the client is registered for', async () => {
    const { status, body } = await exchange(person.token);
    expect(status).toBe(200);
    expect(new Set(claimsOf(body.access_token ?? '').permissions as string[])).toEqual(new Set(['logs.read', 'key.*']));
  });

  it('ends with the grant of the person', async () => {
    const { tokens } = await signInAt(webConfig, person, { scope: 'openid key.read' });
    const { body } = await exchange(tokens.access_token);
    expect((await call(body.access_token ?? '', 'GET /keys')).status).toBe(200);
    await client.tokenRevocation(webConfig, tokens.access_token);
    expect((await exchange(tokens.access_token)).body.error).toBe('invalid_grant');
    await waitFor(async () => (await call(body.access_token ?? '', 'GET /keys')).status === 401);
  });

  it.each<[string, (subject: string) => Promise<{ status: number; body: Record<string, string> }>, string]>([
    ['more than the subject has', (subject) => exchange(subject, { scope: 'key.*' }), 'invalid_scope'],
    ['more than the client has', (subject) => exchange(subject, { scope: 'logs.*' }), 'invalid_scope'],
    ['everything', (subject) => exchange(subject, { scope: '*' }), 'invalid_scope'],
    ['another audience', (subject) => exchange(subject, { audience: 'urn:other' }), 'invalid_target'],
    ['another resource', (subject) => exchange(subject, { resource: 'https://other.example' }), 'invalid_target'],
    [
      'another kind of token',
      (subject) => exchange(subject, { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
      'invalid_request',
    ],
    [
      'for somebody else who acts',
      (subject) => exchange(subject, { actor_token: subject, actor_token_type: accessToken }),
      'invalid_request',
    ],
    ['a token that was changed', (subject) => exchange(`${subject.slice(0, -4)}AAAA`), 'invalid_grant'],
    ['nothing', () => exchange(''), 'invalid_request'],
    ['by a client that may not', (subject) => exchange(subject, {}, basic(web)), 'invalid_request'],
  ])('is refused: %s', async (_name, ask, error) => {
    const { status, body } = await ask(await userToken('openid logs.read key.read'));
    expect({ status, error: body.error }).toEqual({ status: 400, error });
  });

  it('is refused for tokens of clients that are not listed, of services, and of other tenants', async () => {
    const unlisted = await oidc.register({ kind: 'web', redirectUris: [redirectUri] });
    const config = await discover(oidc.issuer, unlisted.clientId, client.ClientSecretBasic(unlisted.clientSecret));
    const { tokens } = await signInAt(config, person);
    expect((await exchange(tokens.access_token)).body.error).toBe('unauthorized_client');
    const own = (await token({ grant_type: 'client_credentials' })).body.access_token ?? '';
    expect((await exchange(own)).body.error).toBe('invalid_grant');
    expect((await exchange((await oidc.signIn(acme)).token)).body.error).toBe('invalid_grant');
  });

  it('is refused for a person whose sign-in ended', async () => {
    const leaving = await oidc.signIn();
    expect((await exchange(leaving.token)).status).toBe(200);
    await oidc.endSession(leaving);
    expect((await exchange(leaving.token)).body.error).toBe('invalid_grant');
  });

  it('keeps who may act, and ends a chain of services that is too long', async () => {
    const sid = (await oidc.signIn()).sessionId;
    const base = { sub: person.userId, tenant: 'main', sid };
    expect((await exchange(await oidc.mint({ ...base, may_act: { sub: 'service/client.other' } }))).body.error).toBe(
      'invalid_grant',
    );
    expect((await exchange(await oidc.mint({ ...base, may_act: { sub: 'service/client.robot' } }))).status).toBe(200);
    let act: object = { sub: 'service/a', client_id: 'a' };
    const chain = async () => (await exchange(await oidc.mint({ ...base, act }))).status;
    expect(await chain()).toBe(200);
    for (const sub of ['service/b', 'service/c']) act = { sub, client_id: sub, act };
    expect(await chain()).toBe(400);
  });

  it('gives for a token that is bound to a key only one that is bound, too', async () => {
    const sid = (await oidc.signIn()).sessionId;
    const bound = await oidc.mint({ sub: person.userId, tenant: 'main', sid, cnf: { jkt: 'thumbprint' } });
    expect((await exchange(bound)).body.error).toBe('invalid_request');
    const pair = await generateKeyPair('ES256', { extractable: true });
    const proof = async () =>
      new SignJWT({
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1_000),
        htm: 'POST',
        htu: `${oidc.issuer}/oidc/token`,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(pair.publicKey) })
        .sign(pair.privateKey);
    const once = await proof();
    const { status, body } = await exchange(bound, {}, { ...basic(service), DPoP: once } as ReturnType<typeof basic>);
    expect({ status, type: body.token_type }).toEqual({ status: 200, type: 'DPoP' });
    expect(claimsOf(body.access_token ?? '').cnf).toEqual({ jkt: expect.any(String) });
    expect((await call(body.access_token ?? '')).status).toBe(401);
    expect((await exchange(bound, {}, { ...basic(service), DPoP: once } as ReturnType<typeof basic>)).status).toBe(400);
  });
});
