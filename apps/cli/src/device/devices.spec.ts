import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { caller } from '../world.fixture.js';
import { HttpAnswers } from './registry.fixture.js';

const id = '0190a1b2-0000-7000-8000-000000000001';
const request = '0190a1b2-0000-7000-8000-0000000000aa';
const fingerprint = 'ab'.repeat(32);
const edge = {
  id,
  name: 'edge-1',
  status: 'online',
  owner: { type: 'org', id: 'acme' },
  fingerprint,
  labels: { site: 'berlin' },
  groups: ['factory'],
  description: { hostname: 'pi', platform: 'linux', architecture: 'arm64', version: '1.0.0' },
  lastSeenAt: '2026-11-22T10:00:00.000Z',
};
const base = '/api/v1/devices';

const registry = new HttpAnswers();
const folder = tempDir('cli-devices');
beforeAll(() => registry.start());
afterAll(() => {
  registry.stop();
  folder.remove();
});
beforeEach(() => {
  registry.asked.length = 0;
  registry.answers = { [`GET ${base}/edge-1`]: edge, [`GET ${base}/${id}`]: edge };
});

const call = (...argv: string[]) =>
  caller(folder.path)([...argv, '--utc', '--url', registry.url], { GATEHOUSE_API_KEY: 'mau_x' });

describe('devices', () => {
  it('are listed from all pages, and machines that ask to be let in', async () => {
    registry.answers[`GET ${base}`] = ({ query }: { query: URLSearchParams }) =>
      query.get('cursor') === null
        ? { devices: Array.from({ length: 50 }, () => edge), nextCursor: 'more' }
        : { devices: [{ ...edge, name: 'edge-\u001b[2J' }], nextCursor: null };
    registry.answers[`GET ${base}/registrations`] = {
      registrations: [
        { requestId: request, fingerprint, requestedAt: '2026-11-22T10:00:00.000Z', addresses: ['10.0.0.7'] },
      ],
      nextCursor: null,
    };
    const { out, error } = await call('devices', 'list');
    expect(out.match(/edge-1/g)).toHaveLength(50);
    expect(out).toContain('edge-\\u001b[2J');
    expect(out).toContain(`10.0.0.7   ${fingerprint}`);
    expect(error).toContain('Compare the fingerprint');
    const json = JSON.parse((await call('devices', 'list', '--json')).out);
    expect(json).toMatchObject({ devices: { length: 51 }, auth_requests: [{ requestId: request }] });
  });

  it('are narrowed down; who may not approve sees no requests', async () => {
    registry.answers[`GET ${base}`] = { devices: [edge], nextCursor: null };
    registry.answers[`GET ${base}/registrations`] = { httpStatus: 403, title: 'Forbidden' };
    expect(await call('devices', 'list')).toMatchObject({ exitCode: 0 });
    await call('devices', 'list', '--label', 'site=berlin,env=prod', '--status', 'online', '--group', 'factory');
    const asked = registry.of(`GET ${base}`).at(-1);
    expect(Object.fromEntries(asked?.query ?? [])).toMatchObject({
      label: 'site=berlin,env=prod',
      status: 'online',
      group: 'factory',
    });
  });

  it('are let in by who compared the fingerprint, and turned away', async () => {
    registry.answers[`POST ${base}/registrations/${request}/approve`] = { deviceId: id, name: 'edge-1' };
    registry.answers[`POST ${base}/registrations/${request}/reject`] = { state: 'rejected' };
    const spaced = fingerprint.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
    const { out, error } = await call('devices', 'approve', request, '--fingerprint', spaced, '--label', 'site=berlin');
    expect({ out, error }).toEqual({ out: `edge-1 is let in (device ${id})\n`, error: '' });
    expect(registry.asked.at(-1)?.body).toEqual({ fingerprint, labels: { site: 'berlin' } });
    expect((await call('devices', 'approve', request)).error).toContain('Nobody compared');
    expect((await call('devices', 'approve', request, '--fingerprint', 'abcd')).exitCode).toBe(2);
    expect((await call('devices', 'reject', request, '--reason', 'unknown')).exitCode).toBe(0);
    expect(registry.asked.at(-1)?.body).toEqual({ reason: 'unknown' });
  });

  it('are renamed, labelled, changed in bulk and removed', async () => {
    registry.answers[`PATCH ${base}/edge-1`] = { ...edge, name: 'edge-2' };
    registry.answers[`PUT ${base}/${id}/labels`] = {};
    registry.answers[`POST ${base}/bulk`] = { devices: [{ id, name: 'edge-1' }] };
    registry.answers[`DELETE ${base}/${id}`] = {};
    expect((await call('devices', 'rename', 'edge-1', 'edge-2')).out).toBe('edge-1 is edge-2 now\n');
    await call('devices', 'label', 'edge-1', 'env=prod', 'site-');
    expect(registry.asked.at(-1)).toMatchObject({
      what: `PUT ${base}/${id}/labels`,
      body: { labels: { env: 'prod' } },
    });
    await call('devices', 'label', '--selector', 'site=berlin', 'env=prod', '--dry-run');
    expect(registry.asked.at(-1)?.body).toEqual({
      selector: { labels: { site: 'berlin' } },
      change: { labels: { set: { env: 'prod' }, remove: [] } },
      dryRun: true,
    });
    expect((await call('devices', 'remove', 'edge-1')).exitCode).toBe(2);
    expect(registry.of(`DELETE ${base}/${id}`)).toEqual([]);
    expect((await call('devices', 'remove', 'edge-1', '--yes')).exitCode).toBe(0);
    expect(registry.of(`DELETE ${base}/${id}`)).toHaveLength(1);
  });

  it('a name that means several is told with their ids', async () => {
    registry.answers[`GET ${base}/twin`] = {
      httpStatus: 409,
      title: 'Conflict',
      code: 'name_ambiguous',
      detail: `${id}, ${request}`,
    };
    const { exitCode, error } = await call('twin', 'status');
    expect({ exitCode, error }).toMatchObject({ exitCode: 1, error: expect.stringContaining(id) });
  });

  it('a name never leads to another address', async () => {
    await call('devices', 'show', '../identity/me?x=');
    expect(registry.asked.at(-1)?.what).toBe(`GET ${base}/..%2Fidentity%2Fme%3Fx%3D`);
    expect((await call('devices', 'show', '..')).exitCode).toBe(2);
  });
});

describe('one device', () => {
  it('status is told by the exit code, too', async () => {
    expect(await call('edge-1', 'status', '-s')).toMatchObject({ exitCode: 0, out: '✓ edge-1 online\n' });
    registry.answers[`GET ${base}/edge-1`] = { ...edge, status: 'offline' };
    expect(await call('edge-1', 'status', '-q')).toMatchObject({ exitCode: 1, out: '', error: '' });
    registry.answers[`GET ${base}/edge-1`] = { httpStatus: 503, title: 'Unavailable' };
    expect((await call('edge-1', 'status', '-q')).exitCode).toBe(5);
  });

  it('audit asks for the window in the right order, and merges what it finds', async () => {
    const entry = (index: number) => ({
      ...{ index, id: `e${index}`, type: 'device.renamed', occurredAt: '2026-11-22T10:00:00.000Z', streamId: '' },
      ...{ actor: { type: 'user', id: 'ann' }, summary: `What ${index} says` },
    });
    registry.answers['GET /api/v1/audit/entries'] = ({ query }: { query: URLSearchParams }) => ({
      entries: query.has('resource')
        ? [entry(9), entry(3)]
        : query.get('stream')?.startsWith('device:')
          ? [entry(5), entry(3)]
          : [],
      nextCursor: null,
    });
    const { out } = await call('edge-1', 'audit', '--since', '2026-11-20', '--until', '2026-11-21', '--json');
    expect(JSON.parse(out).entries.map(({ index }: { index: number }) => index)).toEqual([9, 5, 3]);
    const [first] = registry.of('GET /api/v1/audit/entries');
    expect(Object.fromEntries(first?.query ?? [])).toMatchObject({
      resource: `device/${id}`,
      from: '2026-11-20T00:00:00.000Z',
      to: '2026-11-21T00:00:00.000Z',
    });
    expect((await call('edge-1', 'audit', '--details')).out).toContain('What 9 says');
    expect((await call('edge-1', 'audit', '--max', '1', '--json')).out).not.toContain('e5');
  });

  it('access goes by addresses of members, and an update never leaves two roles', async () => {
    const [userId, old] = ['0190a1b2-0000-7000-8000-0000000000bb', 'g1'];
    const shares = [
      {
        grantId: old,
        subject: { type: 'user', id: userId },
        role: 'viewer',
        grantedBy: { type: 'user', id: 'x' },
        grantedAt: '2026-11-22T10:00:00.000Z',
      },
    ];
    registry.answers['GET /api/v1/identity/members'] = {
      members: [{ userId, email: 'ann@example.org', role: 'user', addedAt: '' }],
      nextCursor: null,
    };
    registry.answers['GET /api/v1/policy/shares'] = { shares, nextCursor: null };
    registry.answers['POST /api/v1/policy/shares'] = { ...shares[0], grantId: 'g2', role: 'developer' };
    registry.answers[`DELETE /api/v1/policy/shares/${old}`] = {};
    expect((await call('edge-1', 'access', 'list')).out).toContain('ann@example.org  viewer');
    await call('edge-1', 'access', 'update', 'Ann@example.org', 'developer');
    const writes = registry.asked.filter(({ what }) => !what.startsWith('GET'));
    expect(writes.map(({ what, body }) => [what, body])).toEqual([
      [
        'POST /api/v1/policy/shares',
        { subject: { type: 'user', id: userId }, role: 'developer', resource: { type: 'device', id } },
      ],
      [`DELETE /api/v1/policy/shares/${old}`, undefined],
    ]);
    expect((await call('edge-1', 'access', 'remove', 'org:other')).exitCode).toBe(1);
    expect((await call('edge-1', 'access', 'add', 'bob@example.org', 'viewer')).error).toContain('no member');
    expect((await call('edge-1', 'access', 'add', 'key/7', 'viewer')).exitCode).toBe(2);
  });

  it('its own words are told, and a misspelt one is no device', async () => {
    expect((await call('edge-1', '--help')).out).toContain('gatehouse edge-1 status');
    expect((await call('edge-1', 'statsu')).exitCode).toBe(2);
    expect((await call('kyes', 'list')).error).toContain('keys');
  });
});

describe('sessions on devices', () => {
  const session = {
    ...{ sessionId: request, deviceId: id, deviceName: 'edge-1', subject: { type: 'user', id: 'ann' }, kind: 'exec' },
    ...{ startedAt: '2026-11-22T10:00:00.000Z', endedAt: '2026-11-22T10:00:01.000Z', status: 'ended', refused: [] },
  };
  const sessions = [
    { ...session, reason: 'device_lost' },
    { ...session, reason: 'closed', refused: ['not_granted', 'refused'] },
    { ...session, status: 'live', endedAt: null, reason: null },
  ];
  beforeEach(() => {
    registry.answers[`GET ${base}/sessions`] = { sessions, nextCursor: null };
  });

  it('are told with why they ended, and with what their device would not do', async () => {
    const { out } = await call('sessions', 'list');
    const [head = '', ...rows] = out.trimEnd().split('\n');
    const at = head.indexOf('REASON');
    const reasons = rows.map((row) => row.slice(at).split(/ {2,}/)[0]?.trim());
    expect(reasons).toEqual(['device_lost', 'refused: not_granted, refused; closed', '-']);
    expect(JSON.parse((await call('sessions', 'list', '--json')).out)).toEqual({ sessions });
    registry.answers[`GET ${base}/sessions/${request}`] = sessions[1];
    expect((await call('sessions', 'show', request)).out).toMatch(/refused +not_granted, refused\n/);
  });
});

describe('signing in with a device code', () => {
  const tokens = { access_token: 'at-1', refresh_token: 'rt-1', expires_in: 0 };
  const begun = {
    device_code: 'dc',
    user_code: 'BCDF-GHJK',
    verification_uri: 'https://gatehouse.example/device',
    expires_in: 60,
    interval: 0,
  };
  const deviceCall = (home: string, ...argv: string[]) => {
    mkdirSync(join(folder.path, home), { recursive: true });
    return caller(join(folder.path, home))([...argv, '--url', registry.url]);
  };
  const credentials = (home: string) =>
    JSON.parse(readFileSync(join(folder.path, home, '.config/gatehouse/credentials.json'), 'utf8'));

  it('prints where to go, keeps the tokens, refreshes them once, and ends them', async () => {
    const answers = [
      { httpStatus: 400, error: 'authorization_pending' },
      tokens,
      { ...tokens, access_token: 'at-2', refresh_token: 'rt-2', expires_in: 600 },
    ];
    registry.answers['POST /oidc/device/auth'] = begun;
    registry.answers['POST /oidc/token'] = () => answers.shift();
    registry.answers['GET /api/v1/identity/me'] = { type: 'user', id: 'ann', tenantId: 'acme' };
    registry.answers['POST /oidc/revoke'] = {};
    const { exitCode, out, error } = await deviceCall('ann', 'login');
    expect({ exitCode, error }).toEqual({
      exitCode: 0,
      error: 'Open https://gatehouse.example/device\nand type BCDF-GHJK\n',
    });
    expect(out).not.toContain('at-');
    expect(registry.of('POST /oidc/device/auth')[0]?.body).toMatchObject({ client_id: 'gatehouse-cli' });
    // The first access token had ended when it was asked who is there.
    expect(registry.of('POST /oidc/token').at(-1)?.body).toEqual({
      grant_type: 'refresh_token',
      client_id: 'gatehouse-cli',
      refresh_token: 'rt-1',
    });
    expect(credentials('ann').credentials.OAuth2Token).toMatchObject({
      access_token: 'at-2',
      refresh_token: 'rt-2',
      client_id: 'gatehouse-cli',
    });
    await deviceCall('ann', 'whoami');
    expect(registry.of('POST /oidc/token')).toHaveLength(3);
    await deviceCall('ann', 'logout');
    expect(registry.of('POST /oidc/revoke')[0]?.body).toEqual({ token: 'rt-2', client_id: 'gatehouse-cli' });
  });

  it('keeps nothing of one that was refused', async () => {
    registry.answers['POST /oidc/device/auth'] = begun;
    registry.answers['POST /oidc/token'] = { httpStatus: 400, error: 'access_denied' };
    expect(await deviceCall('bob', 'login')).toMatchObject({
      exitCode: 3,
      error: expect.stringContaining('refused in the browser'),
    });
    expect(() => credentials('bob')).toThrow();
  });

  it('says that a sign-in is over whose refresh token is none any more', async () => {
    const home = join(folder.path, 'eve/.config/gatehouse');
    mkdirSync(home, { recursive: true });
    const token = { access_token: 'a', refresh_token: 'r', expires_at: 0, client_id: 'gatehouse-cli' };
    writeFileSync(join(home, 'credentials.json'), JSON.stringify({ credentials: { OAuth2Token: token } }));
    registry.answers['POST /oidc/token'] = { httpStatus: 400, error: 'invalid_grant' };
    expect(await deviceCall('eve', 'whoami')).toMatchObject({
      exitCode: 3,
      error: expect.stringContaining('sign-in is over'),
    });
  });
});
