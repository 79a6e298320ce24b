import { createHash, randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { destroySubjectKeys } from '../src/user/subject-keys.service.js';
import { api, works } from './api.fixture.js';
import {
  filesOf,
  finished,
  mintToken,
  type OtherServices,
  privacyCall,
  signedIn,
  startOtherServices,
} from './privacy.fixture.js';
import { type FirstOwner, type Replica, type ReplicaApart, type Stack, startStack } from './stack.fixture.js';

const name = 'Ann Canary';
let stack: Stack;
let others: OtherServices;
let replica: Replica;
/** The first one, which is killed in the end. */
let mortal: ReplicaApart;
let owner: FirstOwner;
let key: string;
let self: string;

beforeAll(async () => {
  stack = await startStack();
  others = await startOtherServices(stack);
  owner = await stack.bootstrap('main', ['--name', name]);
  mortal = await stack.serveApart();
  replica = mortal;
  key = owner.operatorKey;
  await works(replica, key);
  self = await signedIn(stack, { userId: owner.ownerId, tenantId: 'main' });
});
afterAll(async () => {
  await others?.stop();
  await stack?.stop();
});

const call = (what: string, options: Parameters<typeof privacyCall>[2] = {}) => privacyCall(replica, what, options);
const request = (token = key, userId: string | undefined = owner.ownerId) =>
  call('POST /exports', { key: token, body: userId === undefined ? {} : { userId } });
const archive = (exportId: string, token = key) => call(`GET /exports/${exportId}/archive`, { key: token });
const forget = () => stack.superuser('delete from identity.exports');

beforeEach(async () => {
  await forget();
  stack.policy.denies = () => false;
  others.entries = [];
  others.hold = undefined;
});

/** An export from request to end. */
async function exported(token = key): Promise<string> {
  const { status, body } = await request(token);
  expect(status).toBe(202);
  expect((await finished(replica, `/exports/${body.exportId}`, token)).body.status).toBe('ready');
  return body.exportId;
}

describe('the export of a person', () => {
  it('is one archive with everything, and a manifest that says so', async () => {
    others.entries = Array.from({ length: 5 }, (_, index) => ({ index }));
    const exportId = await exported();
    const answer = await archive(exportId);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/zip');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const files = filesOf(answer.bytes);
    expect(JSON.parse(files['profile.jsonl'] ?? '')).toMatchObject({
      userId: owner.ownerId,
      email: 'owner@main.localhost',
      name,
    });
    const events = (files['identity_events.jsonl'] ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find(({ type }) => type === 'user.registered')).toMatchObject({
      personal: { email: 'owner@main.localhost', name },
    });
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['tenant.created', 'export.requested']));
    expect(files['audit.jsonl']?.trim().split('\n')).toHaveLength(5);
    expect(JSON.parse(files['policy.jsonl'] ?? '')).toEqual({ kind: 'grant', role: 'owner' });
    expect(JSON.parse(files['registry.jsonl'] ?? '')).toEqual({ kind: 'device', name: 'edge' });
    expect(files['README.txt']).toContain('audit.jsonl');
    const manifest = JSON.parse(files['manifest.json'] ?? '');
    expect(manifest).toMatchObject({ exportId, userId: owner.ownerId, askedBy: { type: 'service', id: 'operator' } });
    for (const { name: file, sha256, bytes } of manifest.files) {
      expect(
        createHash('sha256')
          .update(files[file] ?? '')
          .digest('hex'),
      ).toBe(sha256);
      expect(Buffer.byteLength(files[file] ?? '')).toBe(bytes);
    }
    expect(manifest.files).toHaveLength(Object.keys(files).length - 1);
  });

  it('is told step by step, and in the log', async () => {
    let release = () => {};
    others.hold = new Promise((resolve) => {
      release = resolve;
    });
    const { body } = await request();
    const path = `GET /exports/${body.exportId}`;
    await waitFor(async () => (await call(path, { key })).body.progress.phase === 'audit', { message: 'the step' });
    const { progress } = (await call(path, { key })).body;
    expect(progress.done).toBe(progress.total - 1);
    expect(await archive(body.exportId)).toMatchObject({ status: 409, body: { code: 'export_not_ready' } });
    release();
    await finished(replica, `/exports/${body.exportId}`, key);
    await archive(body.exportId);
    const events = await stack.superuser<{ type: string }>(
      `select type from identity.events where stream_id = $1 order by revision`,
      [`export:${body.exportId}`],
    );
    expect(events.map(({ type }) => type)).toEqual(['export.requested', 'export.completed', 'export.downloaded']);
  });

  it('lies sealed, and dies with the key of the person', async () => {
    const exportId = await exported();
    const chunks = await stack.superuser<{ sealed: Buffer }>('select sealed from identity.export_chunks');
    const bytes = Buffer.concat(chunks.map(({ sealed }) => sealed));
    expect(bytes.length).toBeGreaterThan(500);
    for (const text of ['profile.jsonl', 'owner@main', 'PK\u0003\u0004']) expect(bytes.includes(text)).toBe(false);
    const [kept] = await stack.superuser<{ wrapped: Buffer }>(
      'select wrapped from identity.subject_keys where subject = $1',
      [owner.ownerId],
    );
    const system = new pg.Pool({ connectionString: stack.env().DATABASE_SYSTEM_URL, max: 1 });
    await destroySubjectKeys(system, owner.ownerId);
    await system.end();
    expect(await archive(exportId)).toMatchObject({ status: 404, body: { code: 'export_gone' } });
    // Back again, for the tests that follow.
    await stack.superuser('delete from identity.erased_subjects');
    await stack.superuser('insert into identity.subject_keys values ($1, $2, 1, $3)', [
      'main',
      owner.ownerId,
      kept?.wrapped,
    ]);
    expect((await archive(exportId)).status).toBe(200);
  });

  it('is not given out with a piece changed or missing', async () => {
    const exportId = await exported();
    await stack.superuser(`update identity.export_chunks set sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)`);
    expect((await archive(exportId)).status).toBe(500);
    await stack.superuser('delete from identity.export_chunks');
    expect((await archive(exportId)).status).toBe(500);
  });

  it('ends with its time', async () => {
    const exportId = await exported();
    await stack.superuser(`update identity.exports set expires_at = now() - interval '1 second'`);
    expect(await archive(exportId)).toMatchObject({ status: 404, body: { code: 'export_gone' } });
    expect((await call(`GET /exports/${exportId}`, { key })).body.status).toBe('expired');
  });

  it('is taken over by another replica when one is killed, and by the same when policy or audit come back', async () => {
    let release = () => {};
    others.hold = new Promise((resolve) => {
      release = resolve;
    });
    const second = await stack.serve();
    const victim = await stack.serveApart();
    // Whoever has the turn: all but the survivor are killed.
    const { body } = await request();
    await waitFor(() => others.asked > 0, { message: 'the work to begin' });
    await Promise.all([mortal.child.kill9(), victim.child.kill9()]);
    replica = second;
    await works(replica, key);
    release();
    expect((await finished(replica, `/exports/${body.exportId}`, key)).body.status).toBe('ready');
    expect((await archive(body.exportId)).status).toBe(200);
  });
});

describe('who may export a person', () => {
  it('is the person, signed in a moment ago', async () => {
    const exportId = await exported(self);
    expect((await archive(exportId, self)).status).toBe(200);
    expect((await call('GET /exports', { key: self })).body.exports).toMatchObject([{ exportId }]);
  });

  it.each<[string, () => Promise<string>]>([
    ['an old sign-in', () => signedIn(stack, { userId: owner.ownerId, tenantId: 'main', ageMs: 16 * 60_000 })],
    ['no sign-in', () => mintToken(stack, { sub: owner.ownerId, tenant: 'main' })],
    [
      'the sign-in of somebody else',
      () => signedIn(stack, { userId: owner.ownerId, tenantId: 'main', of: randomUUID() }),
    ],
    [
      'a token that is limited',
      () => signedIn(stack, { userId: owner.ownerId, tenantId: 'main' }, { permissions: ['*'] }),
    ],
    ['a session that no stream can have', () => mintToken(stack, { sub: owner.ownerId, tenant: 'main', sid: '../x' })],
  ])('is not the person with %s', async (_what, tokenOf) => {
    stack.policy.denies = () => true;
    const token = await tokenOf();
    expect(await request(token)).toMatchObject({ status: 403, body: { code: 'recent_sign_in_required' } });
  });

  it('is nobody for another person, but in the operator’s tenant and with a decision', async () => {
    stack.policy.denies = ({ action }) => action === 'person.export';
    expect(await request()).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    stack.policy.denies = () => false;
    const elsewhere = await stack.bootstrap('acme');
    await works(replica, elsewhere.operatorKey);
    const asked = stack.policy.asked.length;
    expect(await request(elsewhere.operatorKey)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(stack.policy.asked).toHaveLength(asked);
    expect(await request(key, randomUUID())).toMatchObject({ status: 404 });
    expect(await call('POST /exports', { key })).toMatchObject({ status: 400 });
  });

  it('reads what it asked for, and nothing else', async () => {
    const exportId = await exported();
    const another = (await api(replica, 'POST /keys', { key, body: { name: `k-${randomUUID()}` } })).body.key;
    await works(replica, another);
    for (const what of [`GET /exports/${exportId}`, `GET /exports/${exportId}/archive`])
      expect((await call(what, { key: another })).status).toBe(404);
    // The person may know of it and not have it: somebody else asked for it.
    expect((await call(`GET /exports/${exportId}`, { key: self })).status).toBe(200);
    expect((await archive(exportId, self)).status).toBe(404);
    stack.policy.denies = ({ action }) => action === 'person.export';
    expect((await archive(exportId)).status).toBe(403);
  });

  it('asks once at a time, five times a day, and twice with one key for one export', async () => {
    let release = () => {};
    others.hold = new Promise((resolve) => {
      release = resolve;
    });
    const headers = { 'idempotency-key': 'export-once-1' };
    const body = { userId: owner.ownerId };
    const first = await call('POST /exports', { key, body, headers });
    expect(await request()).toMatchObject({ status: 409, body: { code: 'export_running' } });
    expect((await call('POST /exports', { key, body, headers })).body.exportId).toBe(first.body.exportId);
    release();
    await finished(replica, `/exports/${first.body.exportId}`, key);
    for (let i = 0; i < 4; i++) await exported();
    const refused = await request();
    expect(refused).toMatchObject({ status: 429, body: { code: 'export_limit' } });
    expect(refused.headers.get('retry-after')).toBe('3600');
  });

  it('is nobody without credentials', async () => {
    for (const what of [
      'POST /exports',
      'GET /exports',
      `GET /exports/${randomUUID()}`,
      `GET /exports/${randomUUID()}/archive`,
    ])
      expect((await call(what)).status).toBe(401);
  });
});
