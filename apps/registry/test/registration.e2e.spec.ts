import { randomBytes, randomUUID } from 'node:crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import type { Somebody } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeviceRow } from '../src/device/device-rows.js';
import { DeviceKeyMint } from '../src/registration/device-keys.service.js';
import { RegistrationSweeper } from '../src/registration/registration-sweeper.service.js';
import { pendingMs } from '../src/registration/registration-terms.js';
import { Registrations } from '../src/registration/registrations.service.js';
import { UnownedRegistrations } from '../src/registration/unowned-registrations.js';
import { approve, reject, TestDevice } from './device.fixture.js';
import { type RegistryStack, startRegistryStack } from './registry-stack.fixture.js';

let stack: RegistryStack;
let owner: Somebody;
let viewer: Somebody;
let other: Somebody;
const registrations = '/api/v1/devices/registrations';

beforeAll(async () => {
  stack = await startRegistryStack({ REGISTRATIONS_PENDING: '40' });
  for (const tenantId of ['acme', 'other']) await stack.tenant(tenantId, randomUUID());
  owner = await stack.somebody('acme', 'owner', ['owner']);
  viewer = await stack.somebody('acme', 'viewer', ['viewer']);
  other = await stack.somebody('other', 'other', ['owner']);
});
afterAll(() => stack?.stop());

const device = () => new TestDevice(stack);
const pendingOf = async ({ key }: Somebody) => (await stack.call(registrations, { key })).body.registrations;
const eventsOf = async (deviceId: string): Promise<string[]> => {
  const { rows } = await stack.superuser.query(
    'select type from registry.events where stream_id = $1 order by revision',
    [`device:${deviceId}`],
  );
  return rows.map(({ type }) => type);
};

/** Told in one commit, heard as two notices: the one about the new key may come a moment later. */
const replaced = async (old: string, next: string) => {
  const answerTo = async (key: string) => (await stack.call('/api/v1/devices/grant-keys', { key })).status;
  await waitFor(async () => (await answerTo(old)) === 401, { message: 'the old key is nobody’s' });
  await waitFor(async () => (await answerTo(next)) === 200, { message: 'the new key is the device’s' });
};

const keysOf = async (deviceId: string) => {
  const { rows } = await stack.superuser.query(
    `select envelope from registry.events where stream_id = $1 and type = 'device.key.issued' order by revision`,
    [`device:${deviceId}`],
  );
  return rows.map(({ envelope }) => JSON.parse(envelope).data);
};
const rowOf = async ({ requestId }: TestDevice) =>
  (await stack.service.app.get(Registrations).byRequest(requestId)) as DeviceRow;

describe('a device that asks to be let in', () => {
  it('waits, is listed with what a person compares, approved, given its key once, and recognised by it', async () => {
    const one = await device().ask('acme');
    expect((await one.state()).body).toEqual({ state: 'pending', deviceId: one.deviceId });
    const listed = (await pendingOf(owner)).find((row: { deviceId: string }) => row.deviceId === one.deviceId);
    expect(listed).toMatchObject({
      description: { hostname: one.hostname, platform: 'linux' },
      addresses: ['127.0.0.1'],
      isAgain: false,
    });
    expect(listed.fingerprint).toMatch(/^[0-9a-f]{64}$/);

    const waiting = one.state({}, { wait: 50 });
    const approved = await approve(stack, owner, one.requestId, { fingerprint: listed.fingerprint });
    expect(approved.status).toBe(200);
    expect(approved.body).toMatchObject({ id: one.deviceId, name: one.hostname, owner: { type: 'org', id: 'acme' } });
    const { body } = await waiting;
    expect(body).toMatchObject({
      ...{ state: 'approved', deviceId: one.deviceId, name: one.hostname, tenantId: 'acme' },
      ...{ relays: ['relay.test:8444'], publicUrl: 'https://gatehouse.test' },
    });
    expect(body.grantKeys).toHaveLength(1);
    expect(body.apiKey).toMatch(/^m87_[A-Za-z0-9]{8}\.[A-Za-z0-9]{40}$/);
    const ask = () => stack.call('/api/v1/devices/grant-keys', { key: body.apiKey });
    // The replica hears of the key a moment after the device.
    await waitFor(async () => (await ask()).status !== 401, { message: 'the key of the device is known' });
    const known = await ask();
    expect([known.status, known.body.keys]).toEqual([200, body.grantKeys]);
    expect((await one.state()).body.apiKey).toBeUndefined();
  });

  it('has its key minted when it is fetched, not when it is approved', async () => {
    const one = await device().ask('acme');
    await approve(stack, owner, one.requestId);
    expect(await eventsOf(one.deviceId)).toEqual(['device.registration.requested', 'device.registration.approved']);
    await one.state();
    expect((await eventsOf(one.deviceId)).at(-1)).toBe('device.key.issued');
  });

  it('is given one key by any number of polls at once', async () => {
    const one = await device().ask('acme');
    await approve(stack, owner, one.requestId);
    const answers = await Promise.all(Array.from({ length: 8 }, () => one.state({ nonce: nonce() })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.filter(({ body }) => body.apiKey !== undefined)).toHaveLength(1);
    expect((await eventsOf(one.deviceId)).filter((type) => type === 'device.key.issued')).toHaveLength(1);
  });

  it('may ask again for a key whose answer was lost, with the nonce it chose, and no other', async () => {
    const one = await device().ask('acme');
    await approve(stack, owner, one.requestId);
    const mine = nonce();
    const { apiKey } = (await one.state({ nonce: mine })).body;
    expect((await one.state({ nonce: mine })).body.apiKey).toBe(apiKey);
    expect((await one.state({ nonce: nonce() })).body.apiKey).toBeUndefined();
    const { rows } = await stack.superuser.query(
      `select envelope from registry.events where stream_id = $1 and type = 'device.key.issued'`,
      [`device:${one.deviceId}`],
    );
    const { occurredAt } = JSON.parse(rows[0].envelope);
    const before = new Date(Date.parse(occurredAt) - 11 * 60_000).toISOString();
    await stack.superuser.query(
      'update registry.events set envelope = replace(envelope, $1, $2) where stream_id = $3',
      [...[occurredAt, before, `device:${one.deviceId}`]],
    );
    expect((await one.state({ nonce: mine })).body.apiKey).toBeUndefined();
  });

  it('stays one request however often it asks, two at once included', async () => {
    const one = device();
    const [a, b] = await Promise.all([one.register('org:acme'), one.register('org:acme')]);
    expect(a.status).toBe(202);
    expect(b.body).toEqual(a.body);
    expect((await one.register('org:acme')).body).toEqual(a.body);
  });

  it('gets a name of its own when another device has it', async () => {
    const [one, two] = [
      await new TestDevice(stack, 'twin').ask('acme'),
      await new TestDevice(stack, 'twin').ask('acme'),
    ];
    const names = await Promise.all(
      [one, two].map(async (each) => (await approve(stack, owner, each.requestId)).body.name),
    );
    expect(names.sort()).toEqual(['twin', 'twin-2']);
    const three = await device().ask('acme');
    expect((await approve(stack, owner, three.requestId, { name: 'Twin' })).body.code).toBe('name_taken');
    expect((await approve(stack, owner, three.requestId, { name: 'registrations' })).status).toBe(400);
  });
});

describe('a rejected device', () => {
  it('stays rejected, whatever it is called, until somebody lifts it', async () => {
    const one = await device().ask('acme');
    expect((await reject(stack, owner, one.requestId, { reason: 'not ours' })).status).toBe(200);
    expect((await one.state()).body).toEqual({ state: 'rejected', deviceId: one.deviceId });
    const again = await one.register('org:acme');
    expect([again.status, again.body.code]).toEqual([403, 'registration_rejected']);
    const renamed = await stack.call(registrations, {
      body: one.registration('org:acme', {
        description: { hostname: 'innocent', platform: 'linux', architecture: 'x64', version: '1' },
      }),
    });
    expect(renamed.status).toBe(403);
    expect((await approve(stack, owner, one.requestId)).body.code).toBe('registration_decided');

    const { rows } = await stack.superuser.query('select fingerprint from registry.devices where device_id = $1', [
      one.deviceId,
    ]);
    const lift = (key: string) =>
      stack.call('/api/v1/devices/rejections/lift', { key, body: { fingerprint: rows[0].fingerprint } });
    expect((await lift(viewer.key)).status).toBe(403);
    expect((await lift(other.key)).status).toBe(404);
    expect((await lift(owner.key)).status).toBe(204);
    const anew = await one.register('org:acme');
    expect(anew.status).toBe(202);
    expect(anew.body.requestId).not.toBe(one.requestId);
  });
});

describe('who may decide', () => {
  it('is not a viewer, nor anybody of another tenant, and what they try changes nothing', async () => {
    const one = await device().ask('acme');
    expect((await stack.call(registrations, { key: viewer.key })).status).toBe(403);
    expect(await pendingOf(other)).toEqual([]);
    for (const [{ key }, status] of [
      [viewer, 403],
      [other, 404],
    ] as const)
      for (const verb of ['approve', 'reject'])
        expect((await stack.call(`${registrations}/${one.requestId}/${verb}`, { key, body: {} })).status).toBe(status);
    expect(await eventsOf(one.deviceId)).toEqual(['device.registration.requested']);
    const denied = await stack.call(`${registrations}/${one.requestId}/approve`, { key: viewer.key, body: {} });
    expect(denied.body).toMatchObject({ code: 'forbidden', action: 'device.approve', decision: expect.any(String) });
  });

  it('refuses a fingerprint that is not the one that was compared', async () => {
    const one = await device().ask('acme');
    const wrong = await approve(stack, owner, one.requestId, { fingerprint: 'a'.repeat(64) });
    expect([wrong.status, wrong.body.code]).toEqual([409, 'fingerprint_differs']);
  });
});

describe('the key of a device', () => {
  it('is fetched by the holder of its private key alone: who knows the request, or approved it, gets nothing', async () => {
    const one = await device().ask('acme');
    await approve(stack, owner, one.requestId);
    const thief = device();
    const stolen = await thief.state({}, { requestId: one.requestId });
    expect([stolen.status, stolen.body.code]).toEqual([401, 'proof_invalid']);
    const said = { signedAt: new Date().toISOString() };
    const elsewhere = {
      ...said,
      signature: one.sign('state', { ...said, requestId: one.requestId }, 'https://evil.test'),
    };
    const path = `${registrations}/${one.requestId}/state`;
    expect((await stack.call(path, { body: elsewhere })).body.code).toBe('proof_invalid');
    const asRegistration = { ...said, signature: one.sign('registration', { ...said, requestId: one.requestId }) };
    expect((await stack.call(path, { body: asRegistration })).body.code).toBe('proof_invalid');
    const old = await one.state({ signedAt: new Date(Date.now() - 3_600_000).toISOString() });
    expect([old.status, old.body.code, typeof old.body.now]).toEqual([401, 'proof_stale', 'string']);
    expect((await eventsOf(one.deviceId)).includes('device.key.issued')).toBe(false);
  });

  it('is nowhere in tables or events', async () => {
    const one = await device().admit(owner);
    const [, secret = ''] = one.apiKey.split('.');
    const { rows } = await stack.superuser.query(
      `select table_name from information_schema.tables where table_schema = 'registry' and table_type = 'BASE TABLE'`,
    );
    for (const { table_name: table } of rows) {
      const found = await stack.superuser.query(
        `select from registry.${table} t where strpos(to_jsonb(t)::text, $1) > 0`,
        [secret],
      );
      expect([table, found.rows.length]).toEqual([table, 0]);
    }
  });

  it('can be replaced after another approval: the old one ends then, and works until then', async () => {
    const one = await device().admit(owner);
    const old = one.apiKey;
    await one.ask('acme');
    expect((await pendingOf(owner)).find((row: { deviceId: string }) => row.deviceId === one.deviceId)).toMatchObject({
      isAgain: true,
    });
    expect((await stack.call('/api/v1/devices/grant-keys', { key: old })).status).toBe(200);
    await approve(stack, owner, one.requestId);
    const { apiKey } = (await one.state()).body;
    expect(apiKey).not.toBe(old);
    await replaced(old, apiKey);
  });

  it('ends by itself where that is set, and is renewed before by who proves the identity key', async () => {
    const one = await device().admit(owner);
    const [issued] = await keysOf(one.deviceId);
    expect(Date.parse(issued.expiresAt) - Date.now()).toBeGreaterThan(89 * 86_400_000);
    // As half of its time later: the log is what it is, so the clock of the mint is another one.
    const { platform, app } = stack.service;
    const mint = new DeviceKeyMint(app.get(PostgresEventStore), platform.pepper, 90 * 86_400_000);
    const row = await rowOf(one);
    const later = Date.now() + 46 * 86_400_000;
    expect((await mint.fetch(row, undefined, '', Date.now())).apiKey).toBeUndefined();
    const { apiKey } = await mint.fetch(row, undefined, '', later);
    expect((await keysOf(one.deviceId)).map(({ keyId }) => keyId === issued.keyId)).toEqual([true, false]);
    await replaced(one.apiKey, apiKey as string);
  });

  it('ends when its device is removed, which takes a manager; a viewer who tries changes nothing', async () => {
    const one = await device().admit(owner);
    const path = `/api/v1/devices/${one.deviceId}`;
    expect((await stack.call(path, { key: viewer.key, method: 'DELETE' })).status).toBe(403);
    expect((await stack.call('/api/v1/devices/grant-keys', { key: one.apiKey })).status).toBe(200);
    expect((await eventsOf(one.deviceId)).at(-1)).toBe('device.key.issued');
    expect((await stack.call(path, { key: owner.key, method: 'DELETE' })).status).toBe(204);
    expect((await eventsOf(one.deviceId)).slice(-2)).toEqual(['device.key.revoked', 'device.removed']);
    const isOver = async () => (await stack.call('/api/v1/devices/grant-keys', { key: one.apiKey })).status === 401;
    await waitFor(isOver, { message: 'the key is nobody’s' });
    expect((await one.state()).body).toEqual({ state: 'removed', deviceId: one.deviceId });
    const anew = await one.register('org:acme');
    expect(anew.status).toBe(202);
    expect(anew.body.deviceId).not.toBe(one.deviceId);
  });
});

describe('who asks without being known', () => {
  it('is answered alike, whether or not there is such an owner', async () => {
    stack.people.set('ann@example.org', randomUUID());
    for (const name of ['user:ann@example.org', 'user:nobody@example.org', 'org:nowhere', 'org:p-acme']) {
      const one = device();
      const first = await one.register(name);
      expect([name, first.status, Object.keys(first.body).sort()]).toEqual([
        name,
        202,
        ['deviceId', 'requestId', 'state'],
      ]);
      expect((await one.register(name)).body).toEqual(first.body);
      one.requestId = first.body.requestId;
      expect((await one.state()).body).toEqual({ state: 'pending', deviceId: first.body.deviceId });
      const thief = await device().state({}, { requestId: one.requestId });
      expect(thief.body.code).toBe('proof_invalid');
    }
  });

  it('reaches the personal workspace of who has that address', async () => {
    const userId = randomUUID();
    stack.people.set('bob@example.org', userId);
    const one = device();
    expect((await one.register('user:BOB@example.org')).status).toBe(202);
    const { rows } = await stack.superuser.query('select tenant_id from registry.devices where hostname = $1', [
      one.hostname,
    ]);
    expect(rows).toEqual([{ tenant_id: `p-${userId}` }]);
  });

  it('is refused a signature that is not his, one of another place, and a body that is not the schema’s', async () => {
    const one = device();
    const good = one.registration('org:acme');
    const bad: [object, number, string][] = [
      [{ ...good, owner: 'org:other' }, 401, 'proof_invalid'],
      [{ ...good, keys: { ...good.keys, session: device().keys.session } }, 401, 'proof_invalid'],
      [{ ...good, keys: device().keys }, 401, 'proof_invalid'],
      [one.registration('org:acme', { signedAt: new Date(Date.now() + 3_600_000).toISOString() }), 401, 'proof_stale'],
      [one.registration('acme'), 400, 'validation_failed'],
      [one.registration('user:a@b@c'), 400, 'validation_failed'],
      [{ ...good, keys: { ...good.keys, identity: 'x' } }, 400, 'validation_failed'],
      [{ ...good, more: 1 }, 400, 'validation_failed'],
      [{ ...good, description: { ...good.description, hostname: 'evil\u202egnp' } }, 400, 'validation_failed'],
      [{ ...good, description: { ...good.description, hostname: 'a'.repeat(9_000) } }, 413, 'payload_too_large'],
    ];
    for (const [body, status, code] of bad) {
      const answer = await stack.call(registrations, { body });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
    expect(
      (
        await stack.call(`${registrations}/${randomUUID()}/state`, {
          body: { signedAt: new Date().toISOString(), signature: good.signature },
        })
      ).status,
    ).toBe(404);
  });

  it('cannot flood an owner: no more wait for one that is there than for one that is not', async () => {
    const until429 = async (name: string) => {
      for (let n = 1; n < 100; n++) if ((await device().register(name)).status === 429) return n;
      return 100;
    };
    stack.people.set('carl@example.org', randomUUID());
    expect(await Promise.all([until429('user:carl@example.org'), until429('user:nobody2@example.org')])).toEqual([
      41, 41,
    ]);
  });

  it('is counted by address: beyond the limit of an hour nothing new is taken from there, and elsewhere it is', async () => {
    await stack.restart({ REGISTRATIONS_PER_ADDRESS: '3' });
    const from = (ip: string) => device().register('org:other', { 'x-forwarded-for': ip });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await from(`2001:db8:1:2::${n}`)).status);
    expect(statuses).toEqual([202, 202, 202, 429, 429]);
    expect((await from('2001:db8:1:3::1')).status).toBe(202);
    await stack.restart();
  });
});

describe('what waited too long', () => {
  it('goes, and leaves nothing but events; what was let in stays', async () => {
    const [waits, stays] = [await device().ask('acme'), await device().admit(owner)];
    const nobody = device();
    nobody.requestId = (await nobody.register('org:nowhere-else')).body.requestId;
    const { platform, app } = stack.service;
    const unowned = new UnownedRegistrations(platform.database.system, platform.pepper, 10);
    const sweeper = new RegistrationSweeper({ platform, store: app.get(PostgresEventStore), unowned });
    await sweeper.sweep(Date.now() + pendingMs + 1_000);
    expect((await eventsOf(waits.deviceId)).at(-1)).toBe('device.removed');
    expect((await waits.state()).status).toBe(404);
    expect((await nobody.state()).status).toBe(404);
    expect(await pendingOf(owner)).toEqual([]);
    expect((await stack.call('/api/v1/devices/grant-keys', { key: stays.apiKey })).status).toBe(200);
    const left = await stack.superuser.query('select from registry.registration_places');
    expect(left.rows).toHaveLength(0);
  });
});

const nonce = () => randomBytes(32).toString('base64url');
