import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir, waitFor } from '@gatehouse/testing';
import { Backoff } from '@gatehouse/transport';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from '../../client.js';
import { keepDeviceKey, readDeviceKey } from '../../settings/credentials.js';
import { readSettings } from '../../settings/settings.js';
import { DeviceFiles } from './device-files.js';
import { keepHeartbeats } from './heartbeats.js';
import { ownerFrom } from './owner.js';
import { registerDevice } from './register-device.js';
import { RegistryStandIn } from './registry.fixture.js';
import { RegistryApi } from './registry-api.js';

let root: ReturnType<typeof tempDir>;
let registry: RegistryStandIn;
let said: string[];
let stop: AbortController;
beforeEach(async () => {
  root = tempDir('registration');
  registry = new RegistryStandIn();
  await registry.listen();
  said = [];
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  registry.close();
  root.remove();
});

const backoff = () => new Backoff({ mostMs: 1 });
const files = () => new DeviceFiles(join(root.path, 'data'));
const folder = () => ({ path: join(root.path, 'settings'), origin: 'home' }) as const;
const settings = () => readSettings({ url: registry.url }, { env: {}, cwd: root.path, home: root.path } as never);
const api = (key?: string) => {
  const apiKey = key === undefined ? {} : { apiKey: { value: key, from: 'the device' } };
  return new RegistryApi(new Client({ ...settings(), ...apiKey }), registry.url);
};
const register = (owner = 'user:ann@example.org') =>
  registerDevice({
    ...{ api: api(), files: files(), url: registry.url, owner, signal: stop.signal, backoff: backoff() },
    say: (text) => said.push(text),
    keepKey: (key) => keepDeviceKey(folder(), key),
  });
const heartbeats = () => {
  const device = files();
  let changes = 0;
  const over = keepHeartbeats({
    ...{ api: api(`m87_AAAAAAAA.${'k'.repeat(40)}`), files: device, signal: stop.signal, backoff: backoff() },
    state: device.state() as never,
    say: (_priority, text) => said.push(text),
    rekeyed: api,
    changed: () => {
      changes += 1;
    },
  });
  return { over, changes: () => changes };
};
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('registration', () => {
  it('shows the fingerprint, waits, and keeps what it was given for itself', async () => {
    const registering = register();
    await waitFor(() => registry.heard.some(({ path }) => path.endsWith('/state')));
    registry.state = 'approved';
    const state = await registering;
    expect(state).toMatchObject({ status: 'approved', name: 'edge-1', deviceId: registry.deviceId });
    expect(state.grantKeys).toEqual(registry.grantKeys);
    expect(said.join('\n')).toContain(files().keys().fingerprint);
    expect(said.join('\n')).toContain(`approve ${registry.requestId}`);
    expect(readDeviceKey(folder())).toBe(registry.apiKey);
    expect(said.join('\n')).not.toContain(registry.apiKey);
    const data = join(root.path, 'data');
    expect([data, ...readdirSync(data).map((name) => join(data, name))].map(mode)).toEqual(['700', '600', '600']);
    expect(mode(join(folder().path, 'credentials.json'))).toBe('600');
    expect(registry.heard[0]?.body).toMatchObject({
      owner: 'user:ann@example.org',
      description: { hostname: expect.any(String) },
    });
  });

  it('is for its owner alone from the first byte, whatever the umask', () => {
    const umask = process.umask(0);
    try {
      files().keys();
    } finally {
      process.umask(umask);
    }
    expect(mode(join(root.path, 'data', 'device-keys.json'))).toBe('600');
  });

  it('is final when it was rejected: nothing is tried again', async () => {
    registry.state = 'rejected';
    await expect(register()).rejects.toMatchObject({ message: 'this device was rejected', exitCode: 4 });
    expect(files().state()?.status).toBe('rejected');
    const calls = registry.heard.length;
    registry.failures.push({ status: 403, code: 'registration_rejected' });
    await expect(register('org:acme')).rejects.toMatchObject({ exitCode: 4 });
    expect(registry.heard.length).toBe(calls + 1);
  });

  it('goes on waiting for the same request after a restart', async () => {
    const first = register();
    await waitFor(() => registry.heard.some(({ path }) => path.endsWith('/state')));
    stop.abort();
    await expect(first).rejects.toThrow();
    stop = new AbortController();
    registry.state = 'approved';
    const { fingerprint } = files().keys();
    expect((await register()).requestId).toBe(registry.requestId);
    expect(registry.heard.filter(({ path }) => path.endsWith('/registrations')).length).toBe(1);
    expect(files().keys().fingerprint).toBe(fingerprint);
  });

  it('outlasts a registry that is away, and a clock that is wrong', async () => {
    registry.failures.push({ status: 503, code: 'unavailable' }, { status: 429, code: 'rate_limited' });
    registry.clockOffsetMs = -86_400_000 * 365;
    registry.state = 'approved';
    expect((await register()).status).toBe('approved');
    const signedAt = registry.heard.at(-1)?.body.signedAt ?? '';
    expect(Math.abs(Date.parse(signedAt) - (Date.now() + registry.clockOffsetMs))).toBeLessThan(300_000);
  });

  it('asks anew when the request was too old', async () => {
    registry.state = 'expired';
    const registering = register();
    await waitFor(() => registry.heard.filter(({ path }) => path.endsWith('/registrations')).length >= 2);
    registry.state = 'approved';
    expect((await registering).status).toBe('approved');
  });

  it('that is refused as wrong is not repeated', async () => {
    registry.failures.push({ status: 400, code: 'validation_failed' });
    await expect(register()).rejects.toMatchObject({ exitCode: 2 });
    expect(registry.heard.length).toBe(1);
  });

  it('of a damaged key file is not begun with other keys', async () => {
    files().keys();
    writeFileSync(join(root.path, 'data', 'device-keys.json'), '{"current": {"identity": "secret"}}');
    await expect(register()).rejects.toMatchObject({ message: expect.stringMatching(/device-keys\.json is damaged$/) });
    expect(registry.heard).toEqual([]);
  });
});

describe('an approved device', () => {
  beforeEach(async () => {
    registry.state = 'approved';
    await register();
  });

  it('tells of itself, and takes the relays that it is told', async () => {
    const { changes } = heartbeats();
    await waitFor(() => changes() === 1);
    const beat = registry.heard.find(({ path }) => path.endsWith('/heartbeat'));
    expect(beat?.authorization).toBe(`Bearer ${registry.apiKey}`);
    expect(beat?.body).toMatchObject({ system: { cores: expect.any(Number), memoryBytes: expect.any(Number) } });
    expect(files().state()?.relays).toEqual(['relay.example:443', 'other.example:443']);
  });

  it('rotates its keys, signed by the old one; sessions of before can still be opened', async () => {
    const before = files().keys();
    registry.rotationDue = true;
    const { changes } = heartbeats();
    await waitFor(() => changes() >= 2);
    const after = files().keys();
    expect(registry.identity).toBe(after.public.identity);
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(files().previousSession()?.public).toEqual(before.session.public);
    expect(files().hasNextKeys()).toBe(false);
    expect(readFileSync(join(root.path, 'data', 'device-keys.json'), 'utf8')).not.toContain(
      String(before.identity.export({ format: 'jwk' }).d),
    );
  });

  it('whose answer to a rotation was lost sends the same keys again', async () => {
    const next = files().nextKeys();
    registry.failures.push({ status: 503, code: 'unavailable' });
    heartbeats();
    await waitFor(() => files().keys().fingerprint === next.fingerprint);
    const sent = registry.heard.filter(({ path }) => path.endsWith('/keys')).map(({ body }) => body.keys);
    expect(sent).toEqual([next.public, next.public]);
  });

  it('whose key has ended fetches the next one by its identity key, and goes on', async () => {
    registry.endKey();
    const { changes } = heartbeats();
    await waitFor(() => changes() === 1);
    const beats = registry.heard.filter(({ path }) => path.endsWith('/heartbeat'));
    expect(beats.at(-1)?.authorization).toBe(`Bearer m87_BBBBBBBB.${'k'.repeat(40)}`);
  });

  it('that was removed stops; one whose key is refused alone does not', async () => {
    registry.failures.push({ status: 401, code: 'unauthenticated' });
    const { over } = heartbeats();
    await waitFor(() => registry.heard.filter(({ path }) => path.endsWith('/state')).length === 2);
    registry.state = 'removed';
    stop.abort();
    expect(await over).toBe('stopped');
    stop = new AbortController();
    expect(await heartbeats().over).toBe('removed');
    const calls = registry.heard.length;
    await new Promise(setImmediate);
    expect(registry.heard.length).toBe(calls);
  });
});

describe('the owner', () => {
  it.each([
    [{ email: 'ann@example.org' }, { OWNER_REFERENCE: 'acme' }, undefined, 'user:ann@example.org'],
    [{ 'org-id': 'acme' }, {}, 'user:a@b.c', 'org:acme'],
    [{}, { OWNER_REFERENCE: 'ann@example.org' }, undefined, 'user:ann@example.org'],
    [{}, { OWNER_REFERENCE: 'acme', GATEHOUSE_OWNER: 'org:ours' }, undefined, 'org:ours'],
    [{}, {}, 'org:known', 'org:known'],
    [{}, { GATEHOUSE_OWNER: '' }, undefined, undefined],
  ])('%j %j %s is %s', (flags, env, known, owner) => expect(ownerFrom(flags, env, known)).toBe(owner));

  it('that is none is refused', () => {
    expect(() => ownerFrom({ email: 'ann' }, {}, undefined)).toThrow('--email');
    expect(() => ownerFrom({}, { GATEHOUSE_OWNER: 'a b' }, undefined)).toThrow('GATEHOUSE_OWNER');
  });
});
