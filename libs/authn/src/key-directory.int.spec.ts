import { randomBytes, randomUUID } from 'node:crypto';
import type { Envelope } from '@gatehouse/contracts';
import { startPosition } from '@gatehouse/contracts';
import { generateKey, keyFingerprint } from '@gatehouse/crypto';
import { openPool, rolesSql, Wake } from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createAuthenticator } from './authenticate.js';
import { KeyDirectory } from './key-directory.js';
import { knownKeysChannel, knownKeysProjection, knownKeysSql } from './known-keys.js';
import { NotAuthenticated } from './principal.js';

const service = 'keytest';
const pepper = randomBytes(32);
const now = Date.parse('2026-11-22T12:00:00Z');
const password = 'test-password-1';
const projection = knownKeysProjection(service);

let postgres: TestPostgres;
let admin: pg.Client;
let pool: pg.Pool;
let wake: Wake;
let keys: KeyDirectory;

beforeAll(async () => {
  postgres = await startTestPostgres();
  admin = new pg.Client({ connectionString: await postgres.createDatabase('keys') });
  await admin.connect();
  await admin.query(rolesSql(service, { request: password, system: password }));
  await admin.query(knownKeysSql(service));
});
afterAll(async () => {
  await admin.end();
  await postgres.stop();
});

beforeEach(async () => {
  await admin.query(`truncate ${service}.known_keys`);
  const url = postgres.urlOf('keys', `gatehouse_${service}_system`);
  pool = openPool({ url, max: 4, applicationName: 'test' });
  wake = new Wake({ url, channels: [knownKeysChannel(service)] }).start();
  keys = new KeyDirectory({ service, pepper, query: pool, wake }).start();
  await waitFor(() => keys.loaded, { message: 'keys are loaded' });
});
afterEach(async () => {
  await keys.stop();
  await wake.stop();
  await pool.end();
});

const apply = (type: string, data: Record<string, unknown>) => {
  const envelope = { type, tenantId: 'main', data } as unknown as Envelope;
  return projection.apply(pool, [{ envelope, position: startPosition, source: 'identity', text: '' }]);
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
    await admin.query(`update ${service}.known_keys set enabled = false where key_id = $1`, [keyId]);
    expect(failureOf(() => keys.recognise(key, '', now))).toBe('none');
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wake'`);
    await waitFor(() => failureOf(() => keys.recognise(key, '', now)) === 'disabled', {
      message: 'the loss was mended',
    });
  });

  it('ignore a notification that names no key', async () => {
    const { key } = await makeKey();
    await admin.query(`select pg_notify($1, 'not a key; drop table')`, [knownKeysChannel(service)]);
    const second = await makeKey({ principal: { type: 'service', id: 'second' } });
    await waitFor(() => failureOf(() => keys.recognise(second.key, '', now)) === 'none', {
      message: 'later ones count',
    });
    expect(keys.recognise(key, '', now).id).toBe('ci');
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
    const authenticate = createAuthenticator({ keys });
    expect(failureOf(() => authenticate({ authorization, ip: '10.0.0.1' }, now))).toBe(failure);
  });

  it('takes the scheme in any case and the key in one', async () => {
    const { key } = await makeKey();
    const authenticate = createAuthenticator({ keys });
    for (const scheme of ['Bearer', 'bearer', 'BEARER'])
      expect(authenticate({ authorization: `${scheme} ${key}`, ip: '' }, now)).toMatchObject({ id: 'ci' });
  });

  it('does not take a key of one family for one of the other', async () => {
    const { key } = await makeKey();
    expect(failureOf(() => keys.recognise(`mau_${key.slice(4)}`, '', now))).toBe('unknown');
  });
});
