import { readFileSync } from 'node:fs';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { databaseOf } from './databases.fixture.js';
import { creation, startTarget, type TargetServer } from './target.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let target: TargetServer;
let admin: Somebody;
let developer: Somebody;

const settings = {
  DATABASES_ON_LOOPBACK: 'true',
  LEASE_SCAN_SECONDS: '1',
  LEASE_GRACE_SECONDS: '1',
  LEASE_ALARM_AFTER: '2',
};

beforeAll(async () => {
  [stack, target] = await Promise.all([startVaultStack(settings), startTarget()]);
  admin = await stack.somebody('acme', 'ann', ['admin']);
  developer = await stack.somebody('acme', 'dev', ['developer']);
});

afterAll(async () => {
  await stack?.stop();
  await target?.stop();
});

const dialect = (path: string, body?: unknown, method?: string, who = admin) =>
  stack.call(`/v1/${path}`, {
    headers: { 'x-vault-token': who.key },
    ...(body !== undefined && { body }),
    ...(method && { method }),
  });
const own = (path: string, body?: unknown, method?: string, key = admin.key, headers = {}) =>
  stack.call(`/api/v1/vault/${path}`, { key, headers, ...(body !== undefined && { body }), ...(method && { method }) });
const events = async (like: string) => {
  const { rows } = await stack.superuser.query(
    `select envelope::jsonb as e from vault.events where type like $1 order by tx, seq`,
    [like],
  );
  return rows.map(({ e }) => e);
};
const gone = (username: string) =>
  waitFor(async () => !(await target.leased()).includes(username), {
    message: `${username} is gone`,
  });

describe('credentials of a database', () => {
  it('are set up, made, used, prolonged and ended', async () => {
    expect((await dialect('database/config/main', target.config())).status).toBe(204);
    const role = { db_name: 'main', creation_statements: creation, default_ttl: '1h', max_ttl: '24h' };
    expect((await dialect('database/roles/app', role)).status).toBe(204);
    const made = await dialect('database/creds/app');
    expect(made.body).toMatchObject({
      lease_id: expect.stringMatching(/^database\/creds\/app\/[a-z2-7]{26}$/),
      renewable: true,
      lease_duration: 3600,
      data: { username: expect.stringMatching(/^gh_[0-9a-f]{8}_app_[a-z2-7]{26}$/) },
    });
    const { lease_id: leaseId, data } = made.body;
    expect(await target.opens(data.username, data.password)).toBe(true);
    expect(await target.opens(data.username, 'wrong')).toBe(false);
    const renewed = await dialect('sys/leases/renew', { lease_id: leaseId, increment: '2h' }, 'PUT');
    expect(renewed.body.lease_duration).toBeGreaterThan(7_100);
    const looked = await dialect('sys/leases/lookup', { lease_id: leaseId });
    expect(looked.body.data).toMatchObject({ id: leaseId, renewable: true });
    expect((await dialect('sys/leases/revoke', { lease_id: leaseId }, 'PUT')).status).toBe(204);
    expect(await target.leased()).toEqual([]);
    expect(await target.opens(data.username, data.password)).toBe(false);
    expect((await dialect('sys/leases/renew', { lease_id: leaseId })).status).toBe(400);
    const types = (await events('lease.%')).map(({ type }) => type);
    expect(types).toEqual([
      'lease.requested',
      'lease.issued',
      'lease.renewal_started',
      'lease.renewed',
      'lease.revocation_started',
      'lease.revoked',
    ]);
  });

  it('stand in no event, table, statement or log in clear', async () => {
    const made = await own('database-roles/app/credentials', {});
    expect(made.status).toBe(201);
    const { password, leaseId } = made.body;
    const { rows } = await stack.superuser.query(
      `select string_agg(query_to_xml(format('select * from vault.%I', tablename), true, false, '')::text, '') as all
       from pg_tables where schemaname = 'vault'`,
    );
    expect(rows[0].all).toContain(leaseId);
    const log = readFileSync(target.server.logFile, 'utf8');
    expect(log).toContain('SCRAM-SHA-256');
    for (const secret of [password, target.password])
      for (const text of [rows[0].all, log.replace(/create role manager login.*/, '')])
        expect(text).not.toContain(secret);
    await own(`leases/${leaseId}/revoke`, {});
  });

  it('end by themselves when their time is over, sessions included', async () => {
    await dialect('database/roles/short', {
      db_name: 'main',
      creation_statements: creation,
      default_ttl: 2,
      max_ttl: 60,
    });
    const { data } = (await dialect('database/creds/short')).body;
    const session = new pg.Client({
      host: '127.0.0.1',
      port: target.server.port,
      database: 'postgres',
      user: data.username,
      password: data.password,
    });
    let cut = false;
    session.on('error', () => {
      cut = true;
    });
    await session.connect();
    await gone(data.username);
    await waitFor(() => cut, { message: 'the session was cut' });
  });

  it('are made once for one Idempotency-Key, and not given twice', async () => {
    const once = { 'idempotency-key': 'the-same-request' };
    const before = (await target.leased()).length;
    const [a, b] = await Promise.all(
      [0, 1].map(() => own('database-roles/app/credentials', {}, 'POST', admin.key, once)),
    );
    const answers = [a, b].sort((x, y) => (x?.status ?? 0) - (y?.status ?? 0));
    expect(answers.map((answer) => answer?.status)).toEqual([201, 409]);
    expect(answers[1]?.body).toMatchObject({ code: 'credentials_given_already', leaseId: answers[0]?.body.leaseId });
    expect((await target.leased()).length).toBe(before + 1);
    await own(`leases/${answers[0]?.body.leaseId}/revoke`, {});
  });

  it('are decisions, and their leases belong to who asked', async () => {
    expect((await dialect('database/creds/app', undefined, undefined, developer)).status).toBe(403);
    expect((await dialect('database/config/main', undefined, undefined, developer)).status).toBe(403);
    const { leaseId } = (await own('database-roles/app/credentials', {})).body;
    for (const path of [`leases/${leaseId}`, `leases/${leaseId}/renew`, `leases/${leaseId}/revoke`])
      expect((await own(path, path.endsWith(leaseId) ? undefined : {}, undefined, developer.key)).status).toBe(403);
    const eve = await stack.somebody('globex', 'eve', ['admin']);
    for (const path of [`leases/${leaseId}`, `leases/${leaseId}/revoke`])
      expect((await own(path, path.endsWith(leaseId) ? undefined : {}, undefined, eve.key)).status).toBe(404);
    expect((await own('databases/main', undefined, undefined, eve.key)).status).toBe(404);
    expect((await dialect('database/creds/app', undefined, undefined, eve)).status).toBe(404);
    expect((await own('leases', undefined, undefined, eve.key)).body.leases).toEqual([]);
    const found = await own('leases?principal=service/ann&status=active');
    expect(found.body.leases).toMatchObject([{ leaseId, principal: { type: 'service', id: 'ann' } }]);
    expect((await own('leases?principal=service/dev&status=active')).body.leases).toEqual([]);
    const revoked = await own('leases/revoke?principal=service/ann', { reason: 'her key was stolen' });
    expect(revoked.body).toEqual({ revoking: 1, more: false });
    await waitFor(async () => (await target.leased()).length === 0);
    const { rows } = await stack.superuser.query(
      `select count(*)::integer as n from policy.events
       where type = 'decision.recorded' and envelope::jsonb->'data'->>'action' = 'database.credentials'`,
    );
    expect(rows[0].n).toBeGreaterThan(3);
  });
});

describe('a target that was configured', () => {
  it.each([
    ['another port without a password', (c: object) => ({ ...c, password: undefined }), 1, 400],
    ['a wrong password', (c: object) => ({ ...c, password: 'wrong' }), 0, 400],
    ['nobody there', (c: object) => c, 1, 400],
    [
      'parameters',
      (c: object) => ({ ...c, connection_url: 'postgresql://{{username}}:{{password}}@127.0.0.1/x?host=/tmp' }),
      0,
      400,
    ],
    [
      'a metadata address',
      (c: object) => ({ ...c, connection_url: 'postgresql://{{username}}:{{password}}@169.254.169.254/x' }),
      0,
      400,
    ],
  ])('is not replaced by %s', async (_name, change, port, status) => {
    const answer = await own('databases/main', change(target.config(port === 0 ? undefined : port)), 'PUT');
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).not.toContain(target.password);
    expect((await dialect('database/creds/app')).status).toBe(200);
  });

  it('is not the server of the vault itself', async () => {
    const database = databaseOf(stack.adminUrl);
    const url = `postgresql://{{username}}:{{password}}@127.0.0.1:${stack.postgres.port}/${database}?sslmode=disable`;
    const answer = await own(
      'databases/self',
      { ...target.config(), connection_url: url, username: 'postgres' },
      'PUT',
    );
    expect([answer.status, answer.body.detail]).toEqual([400, "It is the server of the vault's own tables"]);
  });

  it('is not removed while it has leases or roles', async () => {
    expect((await own('databases/main', undefined, 'DELETE')).body.code).toBe('database_has_leases');
  });

  it.each([
    ['a statement that ends the transaction', { creation_statements: `${creation[0]}; COMMIT` }],
    ['an unknown placeholder', { creation_statements: 'CREATE ROLE {{user}}' }],
    ['times the wrong way round', { creation_statements: creation, default_ttl: 60, max_ttl: 30 }],
    ['no statement', { creation_statements: [] }],
  ])('gives no credentials by %s', async (_name, role) => {
    expect((await dialect('database/roles/bad', { db_name: 'main', ...role })).status).toBe(400);
  });

  it('fails a request cleanly where statements fail', async () => {
    await dialect('database/roles/broken', { db_name: 'main', creation_statements: [...creation, 'SELECT 1/0'] });
    const before = await target.leased();
    const answer = await own('database-roles/broken/credentials', {});
    expect([answer.status, answer.body.detail]).toEqual([400, 'It refused a statement (SQLSTATE 22012)']);
    expect(await target.leased()).toEqual(before);
    expect((await events('lease.request_failed')).at(-1)?.data.reason).toBe('sqlstate_22012');
  });

  it('gives the vault a password that nobody else knows', async () => {
    expect((await dialect('database/rotate-root/main', {})).status).toBe(204);
    expect(await target.opens('manager', target.password)).toBe(false);
    expect((await dialect('database/creds/app')).status).toBe(200);
    const { rows } = await stack.superuser.query('select version from vault.database_secrets');
    expect(rows).toEqual([{ version: 2 }]);
  });
});

describe('static roles', () => {
  it('have their passwords changed when they are taken over, when somebody asks, and in time', async () => {
    await target.root.query(
      `create role reports login password 'known to many'; grant reports to manager with admin option`,
    );
    const role = { db_name: 'main', username: 'reports', rotation_period: '1h' };
    expect((await dialect('database/static-roles/reports', role)).status).toBe(204);
    expect(await target.opens('reports', 'known to many')).toBe(false);
    const first = (await dialect('database/static-creds/reports')).body.data;
    expect(first).toMatchObject({ username: 'reports', rotation_period: 3600 });
    expect(await target.opens('reports', first.password)).toBe(true);
    expect((await dialect('database/rotate-role/reports', {})).status).toBe(204);
    const second = (await dialect('database/static-creds/reports')).body.data;
    expect(second.password).not.toBe(first.password);
    expect(await target.opens('reports', second.password)).toBe(true);
    expect(await target.opens('reports', first.password)).toBe(false);
    // Whoever looked for what is due while it was being changed comes late, and changes nothing.
    await stack.superuser.query(`update vault.database_entries set rotate_at = now() where kind = 'static-role'`);
    await new Promise((later) => setTimeout(later, 1_500));
    expect((await dialect('database/static-creds/reports')).body.data.password).toBe(second.password);
    expect((await dialect('database/static-roles/reports', { ...role, rotation_period: 5 })).status).toBe(204);
    const third = await waitFor(
      async () => {
        const { data } = (await dialect('database/static-creds/reports')).body;
        return data.password !== second.password && data;
      },
      { message: 'the password changed by itself' },
    );
    expect(await target.opens('reports', third.password)).toBe(true);
    expect((await dialect('database/static-roles/reports', undefined, 'DELETE')).status).toBe(204);
    expect((await dialect('database/static-creds/reports')).status).toBe(404);
  });
});
