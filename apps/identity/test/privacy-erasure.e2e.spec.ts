import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PostgresEventStore } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ExportRows } from '../src/privacy/export/export-rows.service.js';
import { RetentionJob } from '../src/privacy/retention/retention-job.service.js';
import { sweepsOf } from '../src/privacy/retention/sweeps.service.js';
import { api, works } from './api.fixture.js';
import { finished, type OtherServices, privacyCall, signedIn, startOtherServices } from './privacy.fixture.js';
import { type FirstOwner, type Replica, type ReplicaApart, type Stack, startStack } from './stack.fixture.js';
import { as, openPeople, type People, type TestPerson, untilKnown } from './tenancy.fixture.js';

let stack: Stack;
let others: OtherServices;
let people: People;
let replica: Replica;
/** The first one, which is killed in the end. */
let mortal: ReplicaApart;
let owner: FirstOwner;
let key: string;

beforeAll(async () => {
  stack = await startStack();
  others = await startOtherServices(stack);
  owner = await stack.bootstrap();
  people = await openPeople(stack);
  mortal = await stack.serveApart();
  replica = mortal;
  key = owner.operatorKey;
  await works(replica, key);
});
afterAll(async () => {
  await people?.close();
  await others?.stop();
  await stack?.stop();
});
beforeEach(() => {
  stack.policy.denies = () => false;
});

const call = (what: string, options: Parameters<typeof privacyCall>[2] = {}) => privacyCall(replica, what, options);
const erase = (userId: string, token = key, more: object = {}) =>
  call('POST /erasures', { key: token, body: { userId, confirm: userId, ...more } });
const newPerson = async (): Promise<TestPerson> => {
  const person = await people.person(`canary-${randomUUID()}@example.org`, 'Canary Person');
  await works(replica, person.token);
  return person;
};

async function erased(userId: string) {
  const { status, body } = await erase(userId);
  expect(status).toBe(202);
  const answer = await finished(replica, `/erasures/${body.erasureId}`, key);
  expect(answer.body.status).toBe('done');
  return answer.body;
}

const typesOf = async (streamId: string): Promise<string[]> =>
  (
    await stack.superuser<{ type: string }>('select type from identity.events where stream_id = $1 order by revision', [
      streamId,
    ])
  ).map(({ type }) => type);
const count = async (text: string, ...values: unknown[]): Promise<number> =>
  Number((await stack.superuser<{ n: string }>(`select count(*) as n ${text}`, values))[0]?.n);

describe('the erasure of a person', () => {
  let ann: TestPerson;
  let annKey: string;
  let exportId: string;
  let certificate: Awaited<ReturnType<typeof erased>>;

  beforeAll(async () => {
    ann = await newPerson();
    annKey = (await api(replica, 'POST /keys', { key: ann.token, body: { name: 'laptop', family: 'mau' } })).body.key;
    await works(replica, annKey);
    const acme = `acme-${randomUUID().slice(0, 8)}`;
    const boss = await newPerson();
    const made = await as(replica, boss, undefined, 'POST /organizations', { id: acme, name: 'Acme' });
    expect(made.status).toBe(201);
    await untilKnown(replica, boss, acme);
    const invited = await as(replica, boss, acme, 'POST /invitations', { email: ann.email, role: 'developer' });
    expect(invited.status).toBe(201);
    const { body } = await call('POST /exports', { key, body: { userId: ann.userId } });
    exportId = body.exportId;
    await finished(replica, `/exports/${exportId}`, key);
    certificate = await erased(ann.userId);
  });

  it('answers with a certificate that the ledger holds', () => {
    const { certificate: said } = certificate;
    expect(said).toMatchObject({
      userId: ann.userId,
      destroyed: { personal_keys: 1, tenants_closed: 1, exports: 1, invitations: 1 },
      tombstone: { tenantId: ann.home, index: 7 },
      entry: { tenantId: 'main', index: 7 },
    });
    expect(JSON.stringify(said)).not.toContain(ann.email);
  });

  it('leaves a tombstone, and nothing to sign in, call or read with', async () => {
    expect(await typesOf(`user:${ann.userId}`)).toEqual(['user.registered', 'user.disabled', 'user.erased']);
    expect(await count('from identity.subject_keys where subject = $1', ann.userId)).toBe(0);
    const [row] = await stack.superuser(
      'select status, email, email_index, name from identity.people where user_id = $1',
      [ann.userId],
    );
    expect(row).toEqual({ status: 'erased', email: null, email_index: null, name: null });
    expect(await count('from identity.mail_queue where subject = $1', ann.userId)).toBe(0);
    expect(await count(`from identity.invitations where email_index = $1`, people.indexOf(ann.email))).toBe(0);
    await waitFor(async () => (await api(replica, 'GET /me', { key: annKey })).status === 401, {
      message: 'the key to die',
    });
    expect((await call(`GET /exports/${exportId}/archive`, { key })).status).toBe(404);
  });

  it('frees the address', async () => {
    const again = await people.person(ann.email);
    expect(again.userId).not.toBe(ann.userId);
  });

  it('stands after every read model was built anew', async () => {
    const { projections } = (await api(replica, 'GET /projections', { key })).body;
    const before = await stack.superuser('select * from identity.people order by user_id');
    for (const { name } of projections) {
      expect((await api(replica, `POST /projections/${name}/rebuild`, { key })).status).toBeLessThan(300);
      await waitFor(
        async () => {
          const found = (await api(replica, 'GET /projections', { key })).body.projections.find(
            (each) => each.name === name,
          );
          return found?.rebuildRequested === false;
        },
        { message: `the rebuild of ${name}` },
      );
    }
    const reports = await stack.superuser<{ name: string; differences: number }>(
      `select name, (rebuild->>'differences')::int as differences from identity.projection_positions where rebuild is not null`,
    );
    expect(reports.filter(({ differences }) => differences > 0)).toEqual([]);
    expect(await stack.superuser('select * from identity.people order by user_id')).toEqual(before);
  });

  it('is done once: a second request finds nobody', async () => {
    expect(await erase(ann.userId)).toMatchObject({ status: 404 });
  });
});

describe('an erasure that a replica dies in', () => {
  it('is carried to its end by another', async () => {
    const bob = await newPerson();
    const blocker = new pg.Client({ connectionString: stack.env().ADMIN_DATABASE_URL });
    await blocker.connect();
    await blocker.query('begin; lock table identity.mail_queue in access exclusive mode');
    const survivor = await stack.serve();
    const { body } = await erase(bob.userId);
    const rows = () =>
      stack.superuser<{ phase: string; attempt: number }>(
        'select phase, attempt from identity.erasures where erasure_id = $1',
        [body.erasureId],
      );
    await waitFor(async () => ['records', 'letters'].includes((await rows())[0]?.phase ?? ''), {
      message: 'the step',
    });
    expect(await typesOf(`user:${bob.userId}`)).toEqual(['user.registered', 'user.disabled']);
    await mortal.child.kill9();
    replica = survivor;
    await blocker.query('rollback');
    await blocker.end();
    await works(replica, key);
    expect((await finished(replica, `/erasures/${body.erasureId}`, key)).body.status).toBe('done');
    expect((await rows())[0]?.attempt).toBeGreaterThan(1);
    expect(await typesOf(`user:${bob.userId}`)).toEqual(['user.registered', 'user.disabled', 'user.erased']);
    expect(await typesOf(`erasure:${body.erasureId}`)).toEqual(['erasure.requested', 'erasure.completed']);
  });
});

describe('who may erase a person', () => {
  it('is nobody but the person and the operator’s administrators', async () => {
    const [ann, bob] = [await newPerson(), await newPerson()];
    expect((await erase(ann.userId, bob.token)).body.code).toBe('forbidden');
    stack.policy.denies = ({ action }) => action === 'person.erase';
    expect((await erase(ann.userId)).status).toBe(403);
    expect((await erase(ann.userId, ann.token)).body.code).toBe('recent_sign_in_required');
    stack.policy.denies = () => false;
    expect((await erase(randomUUID())).status).toBe(404);
    expect((await call('POST /erasures', { body: { userId: ann.userId, confirm: ann.userId } })).status).toBe(401);
    const wrong = await call('POST /erasures', { key, body: { userId: ann.userId, confirm: bob.email } });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'confirmation_wrong' } });
    expect(await typesOf(`user:${ann.userId}`)).toEqual(['user.registered']);
  });

  it('waits when the person asked, and can be taken back until it begins', async () => {
    const ann = await newPerson();
    const token = await signedIn(stack, { userId: ann.userId, tenantId: ann.home });
    const { status, body } = await call('POST /erasures', {
      key: token,
      body: { userId: ann.userId, confirm: ann.email },
    });
    expect(status).toBe(202);
    expect(Date.parse(body.dueAt) - Date.now()).toBeGreaterThan(71 * 3_600_000);
    expect((await erase(ann.userId)).body.code).toBe('erasure_running');
    const bob = await newPerson();
    expect((await call(`GET /erasures/${body.erasureId}`, { key: bob.token })).status).toBe(404);
    expect((await call(`POST /erasures/${body.erasureId}/cancel`, { key: bob.token })).status).toBe(404);
    const cancelled = await call(`POST /erasures/${body.erasureId}/cancel`, { key: ann.token });
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(await typesOf(`erasure:${body.erasureId}`)).toEqual(['erasure.requested', 'erasure.cancelled']);
    const { erasureId } = await erased(ann.userId);
    expect(await call(`POST /erasures/${erasureId}/cancel`, { key })).toMatchObject({
      status: 409,
      body: { code: 'erasure_started' },
    });
  });

  it('asks a person who has a password for it', async () => {
    const ann = await newPerson();
    await stack.superuser(`insert into identity.password_hashes values ($1, $2, 'no hash', now())`, [
      ann.home,
      ann.userId,
    ]);
    const token = await signedIn(stack, { userId: ann.userId, tenantId: ann.home });
    expect((await erase(ann.userId, token)).body.code).toBe('proof_required');
    await stack.superuser('delete from identity.password_hashes where user_id = $1', [ann.userId]);
  });

  it('does not take the last owner from an installation, or from others', async () => {
    const answer = await erase(owner.ownerId);
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'erasure_last_owner', errors: [{ path: 'tenant/main' }] },
    });
    expect(await count(`from identity.erasures where user_id = $1`, owner.ownerId)).toBe(0);
  });

  it('lets the person back in when others must settle something first', async () => {
    const ann = await newPerson();
    const { body } = await erase(ann.userId, key, { graceHours: 1 });
    await stack.superuser(
      `insert into identity.members (tenant_id, user_id, role, status, added_at, revision)
      select 'main', $1, 'owner', 'active', now(), 1`,
      [ann.userId],
    );
    await stack.superuser(`update identity.members set status = 'removed' where tenant_id = 'main' and user_id = $1`, [
      owner.ownerId,
    ]);
    await stack.superuser(`update identity.erasures set next_try_at = now() where erasure_id = $1`, [body.erasureId]);
    const answer = await finished(replica, `/erasures/${body.erasureId}`, key);
    expect(answer.body).toMatchObject({ status: 'refused', problem: 'last_owner' });
    await stack.superuser(`delete from identity.members where tenant_id = 'main' and user_id = $1`, [ann.userId]);
    await stack.superuser(`update identity.members set status = 'active' where tenant_id = 'main' and user_id = $1`, [
      owner.ownerId,
    ]);
    expect((await api(replica, 'GET /me', { key: ann.token })).status).toBe(200);
  });
});

describe('retention', () => {
  it('is a setting of the installation, for its administrators', async () => {
    const { body } = await call('GET /retention', { key });
    expect(body.retention).toEqual(
      expect.arrayContaining([{ kind: 'sign_in_failures', days: 90, defaultDays: 90, revision: 0 }]),
    );
    const put = (kind: string, days: unknown, options = {}) =>
      call(`PUT /retention/${kind}`, { key, body: { days }, ...options });
    expect((await put('sign_in_failures', 7)).body).toMatchObject({ days: 7, defaultDays: 90, revision: 1 });
    expect((await put('sign_in_failures', 8, { headers: { 'if-match': '"0"' } })).status).toBe(412);
    expect((await put('no_such_kind', 7)).status).toBe(404);
    for (const days of [0, -1, 1.5, 4_000, '7']) expect((await put('exports', days)).status).toBe(400);
    stack.policy.denies = ({ action }) => action.startsWith('retention.');
    expect((await put('exports', 7)).status).toBe(403);
    expect((await call('GET /retention', { key })).status).toBe(403);
    stack.policy.denies = () => false;
    const person = await newPerson();
    for (const what of ['GET /retention', 'PUT /retention/exports'])
      expect(
        (await call(what, { key: person.token, ...(what.startsWith('PUT') && { body: { days: 1 } }) })).status,
      ).toBe(404);
  });

  it('removes what is older, and nothing else, and says how much in the log', async () => {
    const env = stack.env();
    const pool = new pg.Pool({ connectionString: env.DATABASE_SYSTEM_URL, max: 2 });
    const request = new pg.Pool({ connectionString: env.DATABASE_URL, max: 2 });
    const store = new PostgresEventStore({ service: 'identity', pool: request });
    const kinds = sweepsOf(pool, new ExportRows(pool));
    const ann = await newPerson();
    for (const days of [6, 8])
      await pool.query(
        `insert into known_places (tenant_id, user_id, place_hash, last_at)
         values ($1, $2, $3, now() - make_interval(days => $4))`,
        [ann.home, ann.userId, Buffer.from(`place ${days}`), days],
      );
    await call('PUT /retention/known_networks', { key, body: { days: 7 } });
    const onError = (error: Error) => {
      throw error;
    };
    const job = new RetentionJob({ store, pool, kinds: () => kinds, operatorTenant: 'main', onError });
    const { signal } = new AbortController();
    expect(await job.apply(Date.now(), signal)).toMatchObject({ known_networks: 1 });
    expect(await count('from identity.known_places where user_id = $1', ann.userId)).toBe(1);
    const invitation = { email: `invited-${randomUUID()}@example.org`, role: 'viewer' };
    expect((await api(replica, 'POST /invitations', { key, body: invitation })).status).toBe(201);
    const future = Date.now() + 400 * 86_400_000;
    const removed = await job.apply(future, signal);
    expect(Object.keys(removed)).toEqual(expect.arrayContaining(['known_networks', 'letters']));
    expect((await typesOf('retention:applied')).length).toBeGreaterThan(1);
    await Promise.all([pool.end(), request.end()]);
  });
});

describe('reapply-erasures, after a backup was restored', () => {
  it('destroys what came back of people whose tombstone is in the log', async () => {
    const ann = await newPerson();
    const [kept] = await stack.superuser('select * from identity.subject_keys where subject = $1', [ann.userId]);
    await erased(ann.userId);
    await stack.superuser('delete from identity.erased_subjects where subject = $1', [ann.userId]);
    await stack.superuser(
      'insert into identity.subject_keys select * from jsonb_populate_record(null::identity.subject_keys, $1)',
      [JSON.stringify({ ...kept, wrapped: `\\x${(kept as unknown as { wrapped: Buffer }).wrapped.toString('hex')}` })],
    );
    const { code, output } = await stack.command(['reapply-erasures']);
    expect({ code, output }).toMatchObject({
      code: 0,
      output: expect.stringContaining(' 1 keys destroyed, 0 erasures queued'),
    });
    expect(await count('from identity.subject_keys where subject = $1', ann.userId)).toBe(0);
    expect(await count('from identity.erased_subjects where subject = $1', ann.userId)).toBe(1);
  });

  it('erases again whom a list names and the log does not', async () => {
    const ann = await newPerson();
    const list = join(stack.folder, 'certificates.jsonl');
    writeFileSync(list, `${JSON.stringify({ userId: ann.userId })}\n${JSON.stringify({ userId: randomUUID() })}\n`);
    const { code, output } = await stack.command(['reapply-erasures', '--from', list]);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('1 erasures queued') });
    expect(await count('from identity.subject_keys where subject = $1', ann.userId)).toBe(0);
    await waitFor(async () => (await typesOf(`user:${ann.userId}`)).includes('user.erased'), {
      message: 'the tombstone',
    });
    writeFileSync(list, 'nonsense');
    expect((await stack.command(['reapply-erasures', '--from', list])).code).toBe(1);
  });
});
