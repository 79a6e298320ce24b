import { randomBytes, randomUUID } from 'node:crypto';
import type { Envelope } from '@gatehouse/contracts';
import { startPosition } from '@gatehouse/contracts';
import { generateKey, keyFingerprint } from '@gatehouse/crypto';
import { openPool, rolesSql, Wake } from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createAuthenticator } from './authenticate.js';
import { CallerDirectory } from './caller-directory.js';
import { knownCallersChannel, knownCallersProjection, knownCallersSql } from './known-callers.js';
import { knownDevicesProjection, knownDevicesSql } from './known-devices.js';
import { knownKeysProjection, knownKeysSql } from './known-keys.js';
import { NotAuthenticated } from './principal.js';

const service = 'keytest';
const pepper = randomBytes(32);
const now = Date.parse('2026-11-22T12:00:00Z');
const password = 'test-password-1';
const projections = [knownKeysProjection(service), knownCallersProjection(service), knownDevicesProjection];
const tables = projections.flatMap(({ tables }) => tables);

let postgres: TestPostgres;
let admin: pg.Client;
let pool: pg.Pool;
let wake: Wake;
let keys: CallerDirectory;

beforeAll(async () => {
  postgres = await startTestPostgres();
  admin = new pg.Client({ connectionString: await postgres.createDatabase('keys') });
  await admin.connect();
  await admin.query(rolesSql(service, { request: password, system: password }));
  await admin.query(knownKeysSql(service));
  await admin.query(knownCallersSql(service));
  await admin.query(knownDevicesSql(service));
});
afterAll(async () => {
  await admin.end();
  await postgres.stop();
});

beforeEach(async () => {
  for (const table of tables) await admin.query(`truncate ${service}.${table}`);
  const url = postgres.urlOf('keys', `gatehouse_${service}_system`);
  pool = openPool({ url, max: 4, applicationName: 'test' });
  wake = new Wake({ url, channels: [knownCallersChannel(service)] }).start();
  keys = new CallerDirectory({ service, pepper, query: pool, wake }).start();
  await waitFor(() => keys.loaded, { message: 'keys are loaded' });
});
afterEach(async () => {
  await keys.stop();
  await wake.stop();
  await pool.end();
});

const apply = async (type: string, data: Record<string, unknown>, tenantId = 'main', occurredAt = now) => {
  const envelope = { type, tenantId, data, occurredAt: new Date(occurredAt).toISOString() } as unknown as Envelope;
  for (const { types, apply } of projections)
    if (types.includes(type)) await apply(pool, [{ envelope, position: startPosition, source: 'identity', text: '' }]);
};

async function makeKey(extra: object = {}, family: 'mas_' | 'mau_' = 'mas_') {
  const key = generateKey(family);
  const keyId = randomUUID();
  const fingerprint = keyFingerprint(pepper, key).toString('base64');
  const principal = { type: 'service', id: 'ci' };
  await apply('key.created', {
    keyId,
    family: family.slice(0, 3),
    name: 'ci',
    principal,
    roles: [],
    fingerprint,
    ...extra,
  });
  await waitFor(() => keys.size > 0, { message: 'the key is in memory' });
  return { key, keyId };
}

const failureOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof NotAuthenticated ? error.failure : String(error);
  }
  return 'none';
};

describe('keys of devices', () => {
  const key = `m87_${'d'.repeat(8)}.${'s'.repeat(40)}`;
  const deviceId = randomUUID();
  const issued = (keyId: string, extra: object = {}) => ({
    ...{ deviceId, keyId, prefix: 'm87_dddddddd' },
    lookup: keyFingerprint(pepper, key).toString('base64'),
    ...extra,
  });
  const recognise = () => createAuthenticator({ callers: keys })({ authorization: `Bearer ${key}`, ip: '' }, now);
  const failure = (): string | undefined => {
    try {
      recognise();
      return undefined;
    } catch (error) {
      return (error as NotAuthenticated).failure;
    }
  };

  it.each(['device.key.revoked', 'device.removed'])(
    'are the device itself, of its tenant alone, until %s',
    async (end) => {
      const keyId = randomUUID();
      expect(failure()).toBe('unknown');
      await apply('device.key.issued', issued(keyId), 'acme');
      await waitFor(() => failure() === undefined, { message: 'the key is known' });
      expect(recognise()).toEqual({ type: 'device', id: deviceId, tenantId: 'acme', keyId });
      expect(keys.recall(keys.fingerprintOf(key), '', now)).toMatchObject({ type: 'device', id: deviceId });
      const elsewhere = { authorization: `Bearer ${key}`, ip: '', tenantId: 'other' };
      expect(() => createAuthenticator({ callers: keys })(elsewhere, now)).toThrow(NotAuthenticated);
      await apply(end, { deviceId, keyId, reason: '' }, 'other');
      await apply(end, { deviceId, keyId, reason: '' }, 'acme');
      await waitFor(() => failure() === 'unknown', { message: 'the key is nobody’s' });
    },
  );

  it('end at their time', async () => {
    await apply('device.key.issued', issued(randomUUID(), { expiresAt: new Date(now).toISOString() }), 'acme');
    await waitFor(() => failure() === 'expired', { message: 'the key has expired' });
  });
});

describe('keys in memory', () => {
  it('recognise a key that an event made, from the next notification on', async () => {
    const { key, keyId } = await makeKey();
    expect(keys.recognise(key, '10.0.0.1', now)).toEqual({ type: 'service', id: 'ci', tenantId: 'main', keyId });
  });

  it('forget a disabled key and know it again when it is enabled', async () => {
    const { key, keyId } = await makeKey();
    await apply('key.disabled', { keyId });
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'disabled', { message: 'disabled' });
    await apply('key.enabled', { keyId });
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'none', { message: 'enabled' });
  });

  it.each([
    ['an unknown key', {}, () => generateKey('mas_'), 'unknown'],
    ['an expired key', { expiresAt: '2026-11-22T11:59:59Z' }, undefined, 'expired'],
    ['a key from outside its networks', { networks: ['192.168.0.0/16'] }, undefined, 'network'],
    ['a key whose networks cannot be read', { networks: ['nonsense/99'] }, undefined, 'network'],
  ])('refuse %s', async (_name, extra, other, failure) => {
    const { key } = await makeKey(extra);
    expect(failureOf(() => keys.recognise(other?.() ?? key, '10.0.0.1', now))).toBe(failure);
  });

  it('accept a key inside its networks, IPv4 written as IPv6 too', async () => {
    const { key } = await makeKey({ networks: ['10.0.0.0/8', '2001:db8::/32'] });
    for (const ip of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1']) expect(keys.recognise(key, ip, now).id).toBe('ci');
  });

  it('read everything anew after the connection that told of changes was lost', async () => {
    const { key, keyId } = await makeKey();
    // Without the trigger: as if the notification had been lost on its way.
    await admin.query(
      `set session_replication_role = replica; update ${service}.known_keys set enabled = false where key_id = '${keyId}';
       set session_replication_role = default`,
    );
    expect(failureOf(() => keys.recognise(key, '', now))).toBe('none');
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wake'`);
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'disabled', {
      message: 'the loss was mended',
    });
  });

  it('are not brought back by their first event, should it be read again', async () => {
    const { key, keyId } = await makeKey();
    await apply('key.disabled', { keyId });
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'disabled', { message: 'disabled' });
    const fingerprint = keyFingerprint(pepper, key).toString('base64');
    const principal = { type: 'service', id: 'ci' };
    await apply('key.created', { keyId, family: 'mas', name: 'ci', principal, roles: [], fingerprint });
    const later = await makeKey({ principal: { type: 'service', id: 'later' } });
    await waitFor(() => failureOf(() => keys.recognise(later.key, '', now)) === 'none', {
      message: 'later ones count',
    });
    expect(failureOf(() => keys.recognise(key, '', now))).toBe('disabled');
  });

  it('ignore a notification that names no key', async () => {
    const { key } = await makeKey();
    for (const text of ['not a key; drop table', 'key:x', 'member:main', 'session:', 'other:1'])
      await admin.query('select pg_notify($1, $2)', [knownCallersChannel(service), text]);
    const second = await makeKey({ principal: { type: 'service', id: 'second' } });
    await waitFor(() => failureOf(() => keys.recognise(second.key, '', now)) === 'none', {
      message: 'later ones count',
    });
    expect(keys.recognise(key, '', now).id).toBe('ci');
  });
});

describe('a rotated key', () => {
  const rotate = async (keyId: string, previous: string, untilMs: number) => {
    const key = generateKey('mas_');
    await apply('key.rotated', {
      keyId,
      fingerprint: keyFingerprint(pepper, key).toString('base64'),
      displayPrefix: key.slice(0, 12),
      previousFingerprint: keyFingerprint(pepper, previous).toString('base64'),
      previousValidUntil: new Date(untilMs).toISOString(),
    });
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'none', { message: 'the new text' });
    return key;
  };

  it('is known by both texts until the time of the earlier one is up', async () => {
    const { key, keyId } = await makeKey();
    const next = await rotate(keyId, key, now + 1_000);
    expect(keys.size).toBe(1);
    expect(keys.recognise(key, '', now)).toEqual(keys.recognise(next, '', now));
    expect(keys.recognise(key, '', now + 999).keyId).toBe(keyId);
    expect(failureOf(() => keys.recognise(key, '', now + 1_000))).toBe('rotated');
    expect(keys.recognise(next, '', now + 1_000).keyId).toBe(keyId);
  });

  it('forgets the text before the earlier one at once', async () => {
    const { key, keyId } = await makeKey();
    const second = await rotate(keyId, key, now + 60_000);
    const third = await rotate(keyId, second, now + 60_000);
    expect(failureOf(() => keys.recognise(key, '', now))).toBe('unknown');
    expect(keys.recognise(second, '', now)).toEqual(keys.recognise(third, '', now));
  });

  it('stops with both texts when it is disabled', async () => {
    const { key, keyId } = await makeKey();
    const next = await rotate(keyId, key, now + 60_000);
    await apply('key.disabled', { keyId });
    for (const text of [key, next])
      await waitFor(() => failureOf(() => keys.recognise(text, '', now)) === 'disabled', { message: 'disabled' });
  });

  it('says whose key it was, for the report', async () => {
    const { key, keyId } = await makeKey();
    await rotate(keyId, key, now);
    expect(() => keys.recognise(key, '', now)).toThrow(
      expect.objectContaining({ known: expect.objectContaining({ keyId }) }),
    );
  });
});

describe('people, tenants and sign-ins', () => {
  const userId = randomUUID();
  const person = { type: 'user', id: userId, tenantId: 'main', sessionId: 's-1' } as const;
  const failure = (tenantId?: string) => failureOf(() => keys.admit(person, { tenantId }));
  const becomes = (expected: string, tenantId?: string) =>
    waitFor(() => failure(tenantId) === expected, { message: () => `${expected}, it is ${failure(tenantId)}` });

  beforeEach(async () => {
    await apply('tenant.created', { name: 'main', ownerId: userId });
    await becomes('none');
  });

  it('follow the events of tenants and members', async () => {
    expect(keys.roleOf('main', userId)).toBe('owner');
    expect(failure('other')).toBe('tenant_unknown');
    await apply('tenant.created', { name: 'other', ownerId: randomUUID() }, 'other');
    await becomes('not_member', 'other');
    await apply('member.added', { userId, role: 'viewer', via: 'invitation' }, 'other');
    await becomes('none', 'other');
    await apply('member.role_changed', { userId, role: 'admin', previousRole: 'viewer' }, 'other');
    await waitFor(() => keys.roleOf('other', userId) === 'admin');
    await apply('tenant.settings_changed', { requireSecondFactor: true }, 'other');
    await becomes('second_factor', 'other');
    await apply('member.removed', { userId, role: 'admin', reason: 'left' }, 'other');
    await becomes('not_member', 'other');
    await apply('tenant.closed', {}, 'other');
    await becomes('tenant_unknown', 'other');
    expect(failure()).toBe('none');
  });

  it.each([
    ['session.ended', { sessionId: 's-1', userId, reason: 'signed_out' }],
    ['oauth_grant.revoked', { grantId: 's-1', clientId: 'c', reason: 'revoked' }],
  ])('refuse a token of a sign-in that ended by %s', async (type, data) => {
    await apply(type, data, 'main', Date.now());
    await becomes('ended');
  });

  it('keep an ended sign-in as long as a token could live, and no longer', async () => {
    const [old, late] = [now - 25 * 3_600_000, now - 23 * 3_600_000];
    await apply('session.ended', { sessionId: 'old' }, 'main', old);
    await apply('session.ended', { sessionId: 'late' }, 'main', late);
    await apply('session.ended', { sessionId: 'new' }, 'main', now);
    const { rows } = await admin.query(`select session_id from ${service}.ended_sessions order by ended_at`);
    expect(rows.map(({ session_id }) => session_id)).toEqual(['late', 'new']);
  });

  it('are refused while disabled, and for ever once erased', async () => {
    await apply('user.disabled', { userId });
    await becomes('disabled');
    await apply('user.enabled', { userId });
    await becomes('none');
    await apply('user.erased', { userId, destroyed: {} });
    await becomes('disabled');
    await apply('user.enabled', { userId });
    await apply('session.ended', { sessionId: 'later' }, 'main', Date.now());
    await waitFor(
      () => failureOf(() => keys.admit({ ...person, sessionId: 'later', id: randomUUID() }, {})) === 'ended',
    );
    expect(failure()).toBe('disabled');
  });

  it('are read from the beginning twice with the same result', async () => {
    const events: [string, object][] = [
      ['member.added', { userId: randomUUID(), role: 'viewer', via: 'operator' }],
      ['tenant.settings_changed', { requireSecondFactor: true }],
      ['session.ended', { sessionId: 'x' }],
      ['user.disabled', { userId: randomUUID() }],
    ];
    const rows = async () => {
      const all: unknown[] = [];
      for (const table of tables) all.push((await admin.query(`select * from ${service}.${table} order by 1, 2`)).rows);
      return all;
    };
    for (const [type, data] of events) await apply(type, data as Record<string, unknown>);
    const first = await rows();
    for (const [type, data] of events) await apply(type, data as Record<string, unknown>);
    expect(await rows()).toEqual(first);
  });

  it('are heard of when a rebuild puts other rows in place', async () => {
    await admin.query(`delete from ${service}.known_members`);
    await becomes('not_member');
    await admin.query(`insert into ${service}.known_members values ('main', $1, 'owner')`, [userId]);
    await becomes('none');
  });
});

describe('the authorization header', () => {
  it.each([
    [undefined, 'missing'],
    ['', 'missing'],
    ['Basic dXNlcjpwYXNz', 'scheme'],
    ['Bearer', 'malformed'],
    ['Bearer ', 'malformed'],
    ['Bearer mas_short', 'malformed'],
    [`Bearer ${'x'.repeat(9_000)}`, 'malformed'],
    [`Bearer mas_${'A'.repeat(54)} more`, 'malformed'],
    [`Bearer mas_${'A'.repeat(54)}`, 'unknown'],
    [`Bearer m87_${'a'.repeat(8)}.${'b'.repeat(40)}`, 'unknown'],
    ['Bearer a.b.c', 'unknown'],
  ])('%p: %s', (authorization, failure) => {
    const authenticate = createAuthenticator({ callers: keys });
    expect(failureOf(() => authenticate({ authorization, ip: '10.0.0.1' }, now))).toBe(failure);
  });

  it('takes the scheme in any case and the key in one', async () => {
    const { key } = await makeKey();
    const authenticate = createAuthenticator({ callers: keys });
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(authenticate({ authorization: `${scheme} ${key}`, ip: '' }, now)).toMatchObject({ id: 'ci' });
  });

  it('does not take a key of one family for one of the other', async () => {
    const { key } = await makeKey();
    expect(failureOf(() => keys.recognise(`mau_${key.slice(4)}`, '', now))).toBe('unknown');
  });
});
