import { createSecretKey } from 'node:crypto';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { eventsOf, everythingStored, vault } from './dialect-client.fixture.js';
import { startCluster, startIssuer, type TestCluster, type TestIssuer } from './issuer.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;
let eve: Somebody;
let issuer: TestIssuer;
let stranger: TestIssuer;
let cluster: TestCluster;
const files = tempDir('cluster');

beforeAll(async () => {
  stack = await startVaultStack({ ISSUERS_ON_LOOPBACK: 'true' });
  [issuer, stranger, cluster] = await Promise.all([startIssuer(), startIssuer(), startCluster(files.path)]);
  admin = await stack.somebody('acme', 'boss', ['admin']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
});

afterAll(async () => {
  await stack?.stop();
  await Promise.all([issuer, stranger, cluster].map((server) => server?.stop()));
  files.remove();
});

const put = (path: string, body: object, token = admin.key) => vault(stack, 'PUT', path, { token }, body);
const written = async (path: string, body: object, token = admin.key) => {
  const answer = await put(path, body, token);
  expect([answer.status, answer.body]).toEqual([204, undefined]);
};
const login = (method: string, role: string, jwt: string, namespace = 'acme') =>
  vault(stack, 'PUT', `auth/${method}/login`, { namespace }, { role, jwt });
const self = (token: string) => vault(stack, 'GET', 'auth/token/lookup-self', { token });
const failed = { errors: ['Invalid role, credential or address'] };
const reasons = async () => (await eventsOf(stack, 'acme', 'login.failed')).map(({ data }) => data.reason);
const seconds = () => Math.floor(Date.now() / 1_000);

describe('a login with a token of an issuer', () => {
  beforeAll(async () => {
    await written('auth/jwt/config', { oidc_discovery_url: issuer.url, default_role: 'ci' });
    await written('auth/jwt/role/ci', {
      ...{ role_type: 'jwt', bound_audiences: ['gatehouse'], bound_subject: 'repo:acme/app', token_ttl: '10m' },
      ...{ bound_claims: { ref: ['main', 'release'], '/runner/kind': 'hosted' } },
    });
  });
  const claims = { ref: 'main', runner: { kind: 'hosted' } };

  it('gives a token of the role, as External Secrets Operator asks for it', async () => {
    const { status, body } = await login('jwt', 'ci', await issuer.token(claims));
    expect([status, body.errors]).toEqual([200, undefined]);
    expect(body.auth).toMatchObject({ entity_id: 'service/jwt:ci', metadata: { role: 'ci' }, lease_duration: 600 });
    expect((await self(body.auth.client_token)).body.data.path).toBe('auth/jwt/login');
    expect((await login('jwt', '', await issuer.token(claims))).status).toBe(200);
  });

  it.each<[string, string, () => Promise<string>]>([
    ['of another issuer', 'signature', () => stranger.token({ ...claims, iss: issuer.url })],
    ['that names another issuer', 'claim_iss', () => issuer.token({ ...claims, iss: 'https://elsewhere.example' })],
    ['for somebody else', 'audience', () => issuer.token({ ...claims, aud: 'elsewhere' })],
    ['without an audience', 'claim_aud', () => issuer.token({ ...claims, aud: undefined as never })],
    ['of another subject', 'subject', () => issuer.token({ ...claims, sub: 'repo:eve/app' })],
    ['that misses a bound claim', 'claim', () => issuer.token({ ...claims, ref: 'topic' })],
    ['that misses a deep claim', 'claim', () => issuer.token({ ...claims, runner: {} })],
    ['that has expired', 'expired', () => issuer.token({ ...claims, exp: seconds() - 60 })],
    ['without an end', 'claim_exp', () => issuer.token({ ...claims, exp: undefined as never })],
    ['of the future', 'claim_nbf', () => issuer.token({ ...claims, nbf: seconds() + 600 })],
    ['that is not signed', 'signature', async () => unsigned(await issuer.token(claims))],
    ['signed with the public key as a shared secret', 'signature', () => confused(claims)],
    ['that was changed', 'signature', async () => changed(await issuer.token({ ...claims, ref: 'topic' }), claims)],
  ])('refuses one %s (%s)', async (_name, reason, make) => {
    await stack.superuser.query('delete from vault.login_guesses');
    expect((await login('jwt', 'ci', await make())).body).toEqual(failed);
    await waitFor(async () => (await reasons()).at(-1) === reason, { message: `the reason ${reason} is told` });
  });

  const unsigned = (token: string) =>
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.AA`;
  const confused = (given: object) =>
    new SignJWT({ ...given, iss: issuer.url, sub: 'repo:acme/app', aud: 'gatehouse', exp: seconds() + 300 })
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(createSecretKey(Buffer.from(issuer.publicPem)));
  const changed = (token: string, given: object) => {
    const [header, payload = '', signature] = token.split('.');
    const parsed = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as object;
    return `${header}.${Buffer.from(JSON.stringify({ ...parsed, ...given })).toString('base64url')}.${signature}`;
  };

  it('takes each token once where the role says so', async () => {
    const role = { role_type: 'jwt', bound_audiences: 'gatehouse', single_use: true };
    await written('auth/jwt/role/once', role);
    const token = await issuer.token({ jti: 'run-1' });
    const answers = await Promise.all(Array.from({ length: 6 }, () => login('jwt', 'once', token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await login('jwt', 'once', await issuer.token({ jti: 'run-2' }))).status).toBe(200);
    expect((await login('jwt', 'once', await issuer.token())).body).toEqual(failed);
    // Without it, as with every bearer token, the same one works until it expires.
    const again = await issuer.token(claims);
    for (let i = 0; i < 2; i++) expect((await login('jwt', 'ci', again)).status).toBe(200);
  });

  it('of another tenant that trusts the same issuer is none here', async () => {
    await written('auth/jwt/config', { jwks_url: `${issuer.url}/jwks`, bound_issuer: issuer.url }, eve.key);
    await written('auth/jwt/role/eve', { role_type: 'jwt', bound_audiences: ['gatehouse'] }, eve.key);
    const token = await issuer.token();
    const inGlobex = await login('jwt', 'eve', token, 'globex');
    expect(inGlobex.status).toBe(200);
    expect((await login('jwt', 'eve', token)).body).toEqual(failed);
    expect((await login('jwt', 'eve', token, 'nowhere')).body).toEqual(failed);
    const { client_token: opened } = inGlobex.body.auth;
    expect((await vault(stack, 'GET', 'auth/token/lookup-self', { token: opened, namespace: 'acme' })).status).toBe(
      403,
    );
  });

  it('works with keys in the configuration, and refuses private ones', async () => {
    await written('auth/jwt/config', { jwt_validation_pubkeys: [stranger.publicPem, issuer.publicPem] }, eve.key);
    expect((await login('jwt', 'eve', await issuer.token(), 'globex')).status).toBe(200);
    const { exportPKCS8 } = await import('jose');
    const pem = await exportPKCS8(issuer.privateKey);
    expect((await put('auth/jwt/config', { jwt_validation_pubkeys: [pem] }, eve.key)).status).toBe(400);
    expect(await everythingStored(stack)).not.toContain(pem.split('\n')[1]);
  });

  it('is not fooled by a discovery document that names somebody else', async () => {
    const liar = await startIssuer('https://accounts.example.org');
    await written('auth/jwt/config', { oidc_discovery_url: liar.url }, eve.key);
    expect((await login('jwt', 'eve', await liar.token(), 'globex')).body).toEqual(failed);
    await liar.stop();
  });

  it('is 503 while the issuer is away', async () => {
    const brief = await startIssuer();
    const token = await brief.token();
    await written('auth/jwt/config', { oidc_discovery_url: brief.url }, eve.key);
    await brief.stop();
    expect((await login('jwt', 'eve', token, 'globex')).status).toBe(503);
  });

  it.each([
    ['two sources of keys', { jwks_url: 'https://a.example/jwks', oidc_discovery_url: 'https://a.example' }],
    ['no source of keys', { bound_issuer: 'https://a.example' }],
    ['a shared-secret algorithm', { jwks_url: 'https://a.example/jwks', jwt_supported_algs: ['HS256'] }],
    ['a private address', { jwks_url: 'https://10.0.0.7/jwks' }],
    ['the address of cloud metadata', { jwks_url: 'http://169.254.169.254/latest' }],
    ['a file', { jwks_url: 'file:///etc/passwd' }],
    ['PEM that is none', { jwt_validation_pubkeys: ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'] }],
  ])('cannot be configured with %s', async (_name, config) => {
    expect((await put('auth/jwt/config', config)).status).toBe(400);
  });

  it('needs an audience in its role', async () => {
    expect((await put('auth/jwt/role/open', { role_type: 'jwt' })).status).toBe(400);
    expect((await put('auth/jwt/role/open', { role_type: 'jwt', bound_audiences: [] })).status).toBe(400);
    expect((await put('auth/jwt/role/open', { role_type: 'oidc', bound_audiences: ['x'] })).status).toBe(400);
  });
});

describe('a login with the token of a Kubernetes service account', () => {
  const role = { bound_service_account_names: ['app'], bound_service_account_namespaces: ['shop'], ttl: '5m' };
  const config = () => ({
    kubernetes_host: cluster.url,
    kubernetes_ca_cert: cluster.caPem,
    token_reviewer_jwt: cluster.reviewer,
  });
  beforeAll(async () => {
    await written('auth/kubernetes/config', config());
    await written('auth/kubernetes/role/shop', role);
  });

  it('is reviewed by the cluster', async () => {
    const { status, body } = await login('kubernetes', 'shop', await cluster.token('shop', 'app'));
    expect([status, body.errors]).toEqual([200, undefined]);
    expect(body.auth).toMatchObject({
      entity_id: 'service/kubernetes:shop',
      metadata: { service_account_name: 'app', service_account_namespace: 'shop', service_account_uid: 'uid-7' },
    });
  });

  it('is refused for another account, another namespace, and an account that is gone', async () => {
    for (const [namespace, name] of [
      ['shop', 'other'],
      ['other', 'app'],
    ] as const)
      expect((await login('kubernetes', 'shop', await cluster.token(namespace, name))).body).toEqual(failed);
    const token = await cluster.token('shop', 'app');
    cluster.gone.add('shop/app');
    expect((await login('kubernetes', 'shop', token)).body).toEqual(failed);
    cluster.gone.clear();
    expect((await login('kubernetes', 'shop', token)).status).toBe(200);
  });

  it('counts for the audience of the role alone', async () => {
    await written('auth/kubernetes/role/vault', { ...role, audience: 'vault' });
    const own = await cluster.token('shop', 'app', { aud: 'vault' });
    expect((await login('kubernetes', 'vault', own)).status).toBe(200);
    expect((await login('kubernetes', 'shop', own)).body).toEqual(failed);
    expect((await login('kubernetes', 'vault', await cluster.token('shop', 'app'))).body).toEqual(failed);
  });

  it('is 503 for a cluster that is not the one of the certificate, or lets nobody ask', async () => {
    const token = await cluster.token('shop', 'app');
    await written('auth/kubernetes/config', { ...config(), kubernetes_ca_cert: '' });
    expect((await login('kubernetes', 'shop', token)).status).toBe(503);
    await written('auth/kubernetes/config', { ...config(), token_reviewer_jwt: 'another' });
    expect((await login('kubernetes', 'shop', token)).status).toBe(503);
    await written('auth/kubernetes/config', config());
    expect((await login('kubernetes', 'shop', token)).status).toBe(200);
  });

  it("is verified by the cluster's keys where they are configured, and the cluster is not asked", async () => {
    await written('auth/kubernetes/config', { jwks: cluster.jwks });
    const before = cluster.asked.count;
    expect((await login('kubernetes', 'shop', await cluster.token('shop', 'app'))).status).toBe(200);
    const forger = await startCluster(files.path);
    for (const token of [
      await forger.token('shop', 'app'),
      await cluster.token('shop', 'app', { exp: seconds() - 60 }),
      await cluster.token('shop', 'app', { aud: 'another-server' }),
      await cluster.token('shop', 'app', { sub: 'system:node:shop:app' }),
    ])
      expect((await login('kubernetes', 'shop', token)).body).toEqual(failed);
    await forger.stop();
    expect(cluster.asked.count).toBe(before);
  });

  it('keeps the token that may ask sealed, and in no answer', async () => {
    await written('auth/kubernetes/config', config());
    const shown = await vault(stack, 'GET', 'auth/kubernetes/config', { token: admin.key });
    expect(shown.body.data).toMatchObject({ kubernetes_host: cluster.url, token_reviewer_jwt_set: true });
    expect(shown.text).not.toContain(cluster.reviewer);
    expect(await everythingStored(stack)).not.toContain(cluster.reviewer);
  });
});
