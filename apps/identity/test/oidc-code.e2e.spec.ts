import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import {
  authorizationUrl,
  authorize,
  Browser,
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

let oidc: OidcStack;
let person: SignedIn;
let web: Registered;
let config: client.Configuration;

beforeAll(async () => {
  oidc = await startOidc();
  person = await oidc.signIn();
  const settings = {
    redirectUris: [redirectUri],
    permissions: ['logs.*'],
    scopes: ['openid', 'email', 'profile', 'offline_access'],
  };
  web = await oidc.register({ kind: 'web', ...settings });
  config = await discover(oidc.issuer, web.clientId, client.ClientSecretPost(web.clientSecret));
}, 60_000);

afterAll(() => oidc?.stop());

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
      permissions: ['logs.read'],
    });
    expect(tokens.claims()).toMatchObject({ sub: person.userId, email: 'owner@main.localhost', email_verified: true });
    expect(tokens.refresh_token).toBeUndefined();
    const info = await client.fetchUserInfo(config, tokens.access_token, person.userId);
    expect(info).toMatchObject({ sub: person.userId, email: 'owner@main.localhost' });
  });
});
void [authorizationUrl, authorize, Browser, postForm];
