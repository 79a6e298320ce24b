import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PgProxy, startPgProxy } from './pg-proxy.fixture.js';
import { creation, startTarget, type TargetServer } from './target.fixture.js';
import { type Answer, type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let target: TargetServer;
let other: TargetServer;
let proxy: PgProxy;
let admin: Somebody;

beforeAll(async () => {
  [stack, target, other] = await Promise.all([
    startVaultStack({
      DATABASES_ON_LOOPBACK: 'true',
      LEASE_SCAN_SECONDS: '1',
      LEASE_GRACE_SECONDS: '2',
      LEASE_ALARM_AFTER: '2',
      LOG_LEVEL: 'error',
    }),
    startTarget('shared-password-of-both'),
    startTarget('shared-password-of-both'),
  ]);
  proxy = await startPgProxy(target.server.port);
  admin = await stack.somebody('acme', 'ann', ['admin']);
  for (const [name, config] of [
    ['main', target.config(proxy.port)],
    ['second', other.config()],
  ] as const) {
    expect((await call(`databases/${name}`, config, 'PUT')).status).toBe(204);
    for (const [role, ttl] of [
      ['brief', 3],
      ['long', 3_600],
    ] as const)
      await call(
        `database-roles/${name}-${role}`,
        { db_name: name, creation_statements: creation, default_ttl: ttl, max_ttl: 7_200 },
        'PUT',
      );
  }
});

afterAll(async () => {
  await stack?.stop();
  await proxy?.close();
  await Promise.all([target?.stop(), other?.stop()]);
});

const call = (path: string, body?: unknown, method?: string) =>
  stack.call(`/api/v1/vault/${path}`, {
    key: admin.key,
    ...(body !== undefined && { body }),
    ...(method && { method }),
  });
/** A busy machine may answer 503 now and then: whoever needs a lease asks again. */
const issue = async (role: string) => {
  let answer: Answer | undefined;
  await waitFor(
    async () => {
      answer = await call(`database-roles/${role}/credentials`, {});
      return answer.status === 201;
    },
    { timeoutMs: 30_000, message: () => `a lease of ${role}: ${answer?.text}` },
  );
  return answer?.body;
};
const eventsOf = async (type: string) => {
  const { rows } = await stack.superuser.query(
    `select envelope::jsonb->'data' as data from vault.events where type = $1`,
    [type],
  );
  return rows.map(({ data }) => data);
};
const statusOf = async (leaseId: string) => (await call(`leases/${leaseId}`)).body.status;
const patient = { timeoutMs: 60_000 };

describe('a target that fails', () => {
  it('is away: no credential, no intent; its leases wait, somebody is told once, and then they end', async () => {
    const lease = await issue('main-brief');
    await target.server.kill9();
    const before = (await eventsOf('lease.requested')).length;
    const refused = await call('database-roles/main-long/credentials', {});
    expect([refused.status, refused.body.code]).toEqual([503, 'database_unavailable']);
    expect((await eventsOf('lease.requested')).length).toBe(before);
    await waitFor(async () => (await eventsOf('database.unreachable')).length === 1, patient);
    expect(await statusOf(lease.leaseId)).toBe('active');
    const asked = await call(`leases/${lease.leaseId}/revoke`, {});
    expect([asked.status, asked.body.status]).toEqual([200, 'revoking']);
    await target.server.restart();
    await waitFor(async () => (await statusOf(lease.leaseId)) === 'revoked', patient);
    await waitFor(async () => (await eventsOf('database.reachable')).length === 1, patient);
    expect(await target.leased()).toEqual([]);
  });

  it('refuses to drop: tried for ever, told once, done when it can be done', async () => {
    const lease = await issue('main-long');
    await target.root.query(`create table if not exists theirs (n int); grant select on theirs to ${lease.username}`);
    const answer = await call(`leases/${lease.leaseId}/revoke`, { reason: 'left the team' });
    expect(answer.body.status).toBe('revoking');
    expect(await target.opens(lease.username, lease.password)).toBe(false);
    await waitFor(async () => (await eventsOf('lease.revocation_failing')).length > 0, patient);
    expect(await eventsOf('lease.revocation_failing')).toEqual([
      { leaseId: lease.leaseId, failures: 2, error: 'sqlstate_2BP01' },
    ]);
    expect((await call(`leases/${lease.leaseId}`)).body).toMatchObject({ status: 'revoking', failing: true });
    await target.root.query('drop table theirs');
    await waitFor(async () => (await statusOf(lease.leaseId)) === 'revoked', patient);
    expect(await target.leased()).toEqual([]);
  });

  it('holds a statement: leases of other targets end meanwhile', async () => {
    const [slow, quick] = [await issue('main-brief'), await issue('second-brief')];
    const reached = proxy.stopAt({ text: 'NOLOGIN', side: 'before' });
    await reached;
    await waitFor(async () => (await statusOf(quick.leaseId)) === 'revoked', patient);
    expect(await other.leased()).toEqual([]);
    expect(await statusOf(slow.leaseId)).not.toBe('revoked');
    proxy.release();
    await waitFor(async () => (await statusOf(slow.leaseId)) === 'revoked', patient);
  });

  it('holds a statement: passwords of other targets are changed meanwhile', async () => {
    const write = (name: string, rotation_period: string) =>
      call(`static-roles/${name}`, { db_name: name, username: `${name}_reports`, rotation_period }, 'PUT');
    for (const [name, { root }] of [
      ['main', target],
      ['second', other],
    ] as const) {
      await root.query(`create role ${name}_reports login; grant ${name}_reports to manager with admin option`);
      expect((await write(name, '1h')).status).toBe(204);
    }
    const changes = async (of: string) =>
      (await eventsOf('static_role.rotated')).filter(({ name }) => name === of).length;
    const reached = proxy.stopAt({ text: 'ALTER ROLE "main_reports"', side: 'before' });
    for (const name of ['main', 'second']) expect((await write(name, '5s')).status).toBe(204);
    await reached;
    const before = { main: await changes('main'), second: await changes('second') };
    await waitFor(async () => (await changes('second')) > before.second, patient);
    const { rows } = await stack.superuser.query(`select id from vault.keeper_attempts where kind = 'static-role'`);
    // It was not given up first.
    expect([await changes('main'), rows]).toEqual([before.main, []]);
    proxy.release();
    await waitFor(async () => (await changes('main')) > before.main, patient);
    for (const name of ['main', 'second'])
      expect((await call(`static-roles/${name}`, undefined, 'DELETE')).status).toBe(204);
  });

  it('is another server by now: nothing is concluded from what it has not', async () => {
    const lease = await issue('main-long');
    proxy.leadTo(other.server.port);
    const told = (await eventsOf('database.unreachable')).length;
    await waitFor(async () => (await eventsOf('database.unreachable')).length > told, patient);
    expect((await eventsOf('database.unreachable')).at(-1)).toMatchObject({ error: 'other_server' });
    expect(await statusOf(lease.leaseId)).toBe('active');
    const body = { ...target.config(proxy.port) };
    expect((await call('databases/main', body, 'PUT')).body.code).toBe('database_has_leases');
    proxy.leadTo(target.server.port);
    const reachable = (await eventsOf('database.reachable')).length;
    await waitFor(async () => (await eventsOf('database.reachable')).length > reachable, patient);
    expect(await statusOf(lease.leaseId)).toBe('active');
    await call(`leases/${lease.leaseId}/revoke`, {});
  });
});

describe('roles of the target', () => {
  it('that somebody made to look like ours are left alone', async () => {
    const lease = await issue('main-long');
    const forged = lease.username.slice(0, -26) + 'a'.repeat(26);
    const { rows } = await target.root.query(
      `select shobj_description(oid, 'pg_authid') as text from pg_roles where rolname = $1`,
      [lease.username],
    );
    const copied = rows[0].text.replace(lease.leaseId, 'a'.repeat(26)).replaceAll("'", "''");
    await target.root.query(
      `create role ${forged} login valid until '2001-01-01'; comment on role ${forged} is '${copied}'`,
    );
    // A whole turn later.
    const brief = await issue('main-brief');
    await waitFor(async () => (await statusOf(brief.leaseId)) === 'revoked', patient);
    expect(await target.leased()).toEqual([forged, lease.username].sort());
    expect(await eventsOf('lease.adopted')).toEqual([]);
    await target.root.query(`drop role ${forged}`);
    await call(`leases/${lease.leaseId}/revoke`, {});
  });

  it('whose end somebody took away get it back, and those that came back from a backup go', async () => {
    const lease = await issue('main-long');
    await target.root.query(`alter role ${lease.username} valid until 'infinity'`);
    const term = async () =>
      (
        await target.root.query('select isfinite(rolvaliduntil) as finite from pg_roles where rolname = $1', [
          lease.username,
        ])
      ).rows[0]?.finite;
    await waitFor(term, patient);
    const { rows } = await target.root.query(
      `select shobj_description(oid, 'pg_authid') as text from pg_roles where rolname = $1`,
      [lease.username],
    );
    await call(`leases/${lease.leaseId}/revoke`, {});
    await waitFor(async () => (await statusOf(lease.leaseId)) === 'revoked', patient);
    await target.root.query(
      `create role ${lease.username} login; grant ${lease.username} to manager with admin option;
       comment on role ${lease.username} is '${rows[0].text}'`,
    );
    await waitFor(async () => (await target.leased()).length === 0, patient);
    await waitFor(async () => (await statusOf(lease.leaseId)) === 'revoked', patient);
  });

  it('expire all at once: each is ended', async () => {
    const leases = [];
    for (let i = 0; i < 40; i++) leases.push(await issue(i % 2 ? 'main-brief' : 'second-brief'));
    await waitFor(async () => (await target.leased()).length + (await other.leased()).length === 0, patient);
    for (const { leaseId } of leases) await waitFor(async () => (await statusOf(leaseId)) === 'revoked', patient);
  });
});

describe('a change of a password that comes late', () => {
  const idle = async () => {
    const { rows } = await target.root.query(
      `select count(*)::int as n from pg_stat_activity where application_name = 'gatehouse-vault'`,
    );
    return rows[0].n === 0;
  };
  const role = { db_name: 'main', username: 'late_reports', rotation_period: '1h' };

  beforeAll(async () => {
    await target.root.query('create role late_reports login; grant late_reports to manager with admin option');
    expect((await call('static-roles/late', role, 'PUT')).status).toBe(204);
  });

  it.each([
    ['of a static role', 'static-roles/late/rotate', 'static_role.rotated', 'late_reports'],
    ['of our own account', 'databases/main/rotate-root', 'database.root_rotated', 'manager'],
  ])(
    '%s undoes none of those since',
    async (_whose, path, type, account) => {
      const before = (await eventsOf(type)).length;
      // Before it is alone at the account.
      const stopped = proxy.stopAt({ text: 'gatehouse:', next: account, side: 'before' });
      const late = call(path, {});
      await stopped;
      // The first finishes what the late one began, the others change it again.
      for (const _ of [1, 2, 3]) expect((await call(path, {})).status).toBe(204);
      expect((await eventsOf(type)).length - before).toBeGreaterThanOrEqual(2);
      await proxy.resume();
      expect((await late).status).toBe(204);
      await waitFor(idle, patient);
      const { username, password } = (await call('static-roles/late/credentials', {})).body;
      expect(await target.opens(username, password)).toBe(true);
      // Logs in anew.
      expect((await call('static-roles/late/rotate', {})).status).toBe(204);
    },
    120_000,
  );
});
