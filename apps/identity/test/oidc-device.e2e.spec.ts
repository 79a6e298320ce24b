import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { api } from './api.fixture.js';
import { Browser, claimsOf, discover, type OidcStack, postForm, type SignedIn, startOidc } from './oidc.fixture.js';
import { type FirstOwner } from './stack.fixture.js';

const cli = 'gatehouse-cli';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

let oidc: OidcStack;
let person: SignedIn;
let acme: FirstOwner;
let config: client.Configuration;

beforeAll(async () => {
  oidc = await startOidc();
  acme = await oidc.stack.bootstrap('acme');
  person = await oidc.signIn();
  config = await discover(oidc.issuer, cli);
});

beforeEach(() => oidc.stack.superuser('delete from identity.oidc_attempts'));
afterAll(() => oidc?.stop());

interface Begun {
  readonly device_code: string;
  readonly user_code: string;
}

const begin = async (
  scope = 'openid offline_access logs.read',
  clientId = cli,
  headers: Record<string, string> = {},
) => {
  const answer = await postForm(`${oidc.issuer}/oidc/device/auth`, { client_id: clientId, scope }, headers);
  return answer.body as unknown as Begun;
};
const poll = (device_code: string, clientId = cli) =>
  postForm(`${oidc.issuer}/oidc/token`, { grant_type: deviceGrant, device_code, client_id: clientId });
const page = (what: string, body: object, token = person.token) =>
  new Browser().call(`${oidc.issuer}/oidc/device-approval/${what}`, body, token);
const later = () => oidc.stack.superuser(`update identity.oidc_records set polled_at = now() - interval '10 minutes'`);
const events = async (type: string) =>
  (
    await oidc.stack.superuser<{ envelope: string }>('select envelope from identity.events where type = $1', [type])
  ).map(({ envelope }) => JSON.parse(envelope));

describe('device flow', () => {
  it('is walked by openid-client from beginning to end', async () => {
    const device = await client.initiateDeviceAuthorization(config, { scope: 'openid email offline_access logs.read' });
    expect(device).toMatchObject({
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${oidc.issuer}/device`,
      expires_in: 600,
      interval: 5,
    });
    expect(device).not.toHaveProperty('verification_uri_complete');
    const polled = client.pollDeviceAuthorizationGrant(config, device);
    const typed = device.user_code.toLowerCase().replace('-', ' ');
    expect((await page('approve', { userCode: typed, tenantId: 'main' })).status).toBe(204);
    const tokens = await polled;
    expect(claimsOf(tokens.access_token)).toMatchObject({
      sub: person.userId,
      tenant: 'main',
      client_id: cli,
      permissions: ['logs.read'],
      amr: ['pwd'],
    });
    const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '');
    expect(claimsOf(next.access_token)).toMatchObject({ permissions: ['logs.read'] });
    const [approved] = await events('device_authorization.approved');
    expect(approved).toMatchObject({ tenantId: 'main', data: { clientId: cli, userId: person.userId } });
  }, 15_000);

  it('shows the person which program asks, from where, since when and for what', async () => {
    const begun = await begin('openid logs.read role.grant', cli, { 'user-agent': 'gatehouse/1.0 (build-7)' });
    const { status, body } = await page('lookup', { userCode: begun.user_code });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        client: { id: cli, title: 'Gatehouse command line', registered: false },
        requestedFrom: { network: '127.0.0.0/24', userAgent: 'gatehouse/1.0 (build-7)' },
        requestedAt: expect.any(String),
        scopes: ['openid'],
        permissions: ['logs.read'],
        tenants: expect.arrayContaining([{ id: 'main', name: 'main' }]),
      },
    });
  });

  it('tells a device to wait, and to slow down by five seconds each time it does not', async () => {
    const { device_code } = await begin();
    expect(await poll(device_code)).toMatchObject({ status: 400, body: { error: 'authorization_pending' } });
    for (const seconds of [10, 15]) {
      expect((await poll(device_code)).body.error).toBe('slow_down');
      const [row] = await oidc.stack.superuser(
        `select poll_seconds from identity.oidc_records where model = 'DeviceCode' order by created_at desc limit 1`,
      );
      expect(row).toEqual({ poll_seconds: seconds });
    }
    // Eleven seconds were enough before it was told to slow down twice.
    await oidc.stack.superuser(`update identity.oidc_records set polled_at = now() - interval '11 seconds'`);
    expect((await poll(device_code)).body.error).toBe('slow_down');
    await later();
    expect((await poll(device_code)).body.error).toBe('authorization_pending');
  });

  it('ends when the person says no', async () => {
    const { device_code, user_code } = await begin();
    expect((await page('deny', { userCode: user_code })).status).toBe(204);
    expect((await poll(device_code)).body.error).toBe('access_denied');
    expect((await page('approve', { userCode: user_code, tenantId: 'main' })).status).toBe(409);
    expect((await events('device_authorization.denied')).at(-1)).toMatchObject({
      data: { clientId: cli, userId: person.userId },
    });
  });

  it('ends when nobody answers in time', async () => {
    const { device_code, user_code } = await begin();
    await oidc.stack.superuser(
      `update identity.oidc_records set expires_at = now() - interval '1 second' where model = 'DeviceCode'`,
    );
    expect((await poll(device_code)).body.error).toBe('expired_token');
    expect((await page('approve', { userCode: user_code, tenantId: 'main' })).status).toBe(404);
  });

  it('gives tokens once: the second time ends what the first one gave', async () => {
    const { device_code, user_code } = await begin();
    await page('approve', { userCode: user_code, tenantId: 'main' });
    const first = await poll(device_code);
    expect(first.status).toBe(200);
    await later();
    expect((await poll(device_code)).body.error).toBe('invalid_grant');
    const form = { grant_type: 'refresh_token', refresh_token: first.body.refresh_token ?? '', client_id: cli };
    expect((await postForm(`${oidc.issuer}/oidc/token`, form)).body.error).toBe('invalid_grant');
  });

  it('binds the code to the client that began it', async () => {
    const mine = await oidc.register({ kind: 'native', deviceFlow: true });
    const { device_code, user_code } = await begin('openid', mine.clientId);
    await page('approve', { userCode: user_code });
    expect((await poll(device_code, cli)).body.error).toBe('invalid_grant');
    expect((await poll(device_code, mine.clientId)).status).toBe(200);
  });

  it('is for clients that were registered for it', async () => {
    const not = await oidc.register({ kind: 'native', redirectUris: ['http://127.0.0.1/cb'] });
    expect(await begin('openid', not.clientId)).toMatchObject({ error: 'invalid_request' });
  });

  it('counts one of many answers at once', async () => {
    const { user_code } = await begin();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        page(i % 2 ? 'deny' : 'approve', { userCode: user_code, tenantId: i % 2 ? undefined : 'main' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  });

  it('acts where the person is a member, and nowhere else', async () => {
    const { user_code } = await begin();
    expect(await page('approve', { userCode: user_code, tenantId: 'acme' })).toMatchObject({
      status: 403,
      body: { code: 'not_a_member' },
    });
    expect(await page('approve', { userCode: user_code })).toMatchObject({
      status: 400,
      body: { code: 'tenant_choice_needed' },
    });
  });
});

describe('somebody who guesses', () => {
  const guess = (token?: string) => page('lookup', { userCode: 'BCDF-GHJK' }, token);

  it('gets ten tries in ten minutes, right codes do not count, and others are not held up', async () => {
    const { user_code } = await begin();
    for (let i = 0; i < 15; i++) expect((await page('lookup', { userCode: user_code })).status).toBe(200);
    const answers: number[] = [];
    for (let i = 0; i < 12; i++) answers.push((await guess()).status);
    expect(answers).toEqual([...Array(10).fill(404), 429, 429]);
    const blocked = await page('approve', { userCode: user_code, tenantId: 'main' });
    expect(blocked.status).toBe(429);
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0);
    const second = await oidc.signIn(acme);
    expect((await page('lookup', { userCode: user_code }, second.token)).status).toBe(200);
  });

  it('does not get more by asking many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess()));
    expect(answers.filter(({ status }) => status === 404).length).toBeLessThanOrEqual(10);
  });

  it('must have signed in: a key, a token of a program or nothing is not enough', async () => {
    const { device_code, user_code } = await begin();
    await page('approve', { userCode: user_code, tenantId: 'main' });
    const { body } = await poll(device_code);
    for (const token of [oidc.owner.operatorKey, body.access_token ?? ''])
      expect((await page('lookup', { userCode: user_code }, token)).status).toBe(403);
    expect(
      (await new Browser().call(`${oidc.issuer}/oidc/device-approval/lookup`, { userCode: user_code })).status,
    ).toBe(401);
  });

  it('cannot make a person approve from another site', async () => {
    const { user_code } = await begin();
    const response = await fetch(`${oidc.issuer}/oidc/device-approval/approve`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
      body: JSON.stringify({ userCode: user_code, tenantId: 'main' }),
    });
    expect(response.status).toBe(403);
  });

  it('cannot fill the table: device flows from one address are bounded', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () =>
        postForm(`${oidc.issuer}/oidc/device/auth`, { client_id: cli, scope: 'openid' }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
  });
});

describe('what the ledger keeps of a device flow', () => {
  it('is no code, no address and no name', async () => {
    const { user_code, device_code } = await begin();
    await page('approve', { userCode: user_code, tenantId: 'main' });
    const all = JSON.stringify(await oidc.stack.superuser('select envelope from identity.events'));
    const rows = JSON.stringify(
      await oidc.stack.superuser('select * from identity.oidc_records, identity.oidc_attempts'),
    );
    for (const text of [user_code, user_code.replace('-', ''), device_code, '127.0.0.0']) {
      expect(all).not.toContain(text);
      expect(rows).not.toContain(text);
    }
  });
});

describe('grants of a person who leaves', () => {
  const tokensOf = async (who: SignedIn, tenantId: string) => {
    const { device_code, user_code } = await begin();
    expect((await page('approve', { userCode: user_code, tenantId }, who.token)).status).toBe(204);
    const { body } = await poll(device_code);
    return body;
  };
  const refresh = (refresh_token = '') =>
    postForm(`${oidc.issuer}/oidc/token`, { grant_type: 'refresh_token', refresh_token, client_id: cli });

  it('end when the person is disabled, for every service', async () => {
    const theirs = await tokensOf(await oidc.signIn(acme), 'acme');
    await oidc.append('acme', `user:${acme.ownerId}`, 'user.disabled', { userId: acme.ownerId });
    await oidc.stack.superuser(`update identity.people set status = 'disabled' where user_id = $1`, [acme.ownerId]);
    expect((await refresh(theirs.refresh_token)).body.error).toBe('invalid_grant');
    const grantId = claimsOf(theirs.access_token ?? '').sid;
    expect(grantId).toBeTruthy();
    const end = await waitFor(async () =>
      (await events('oauth_grant.revoked')).find(({ data }) => data.grantId === grantId),
    );
    expect(end.data.reason).toBe('disabled');
    await waitFor(async () => (await api(oidc.replica, 'GET /me', { key: theirs.access_token ?? '' })).status === 401);
  });
});
