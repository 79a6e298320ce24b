import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LeaseProcess, settled, startLeaseProcess } from './lease-process.fixture.js';
import type { Stop } from './pg-proxy.fixture.js';
import { creation } from './target.fixture.js';

/* The vault is killed at each step of each life, on either side of each statement that changes something. */

let vault: LeaseProcess;

beforeAll(async () => {
  vault = await startLeaseProcess();
  expect((await vault.call('databases/main', vault.target.config(vault.targetProxy.port), 'PUT')).status).toBe(204);
  for (const [name, ttl] of [
    ['app', '1h'],
    ['brief', '3s'],
  ]) {
    const role = { db_name: 'main', creation_statements: creation, default_ttl: ttl, max_ttl: '24h' };
    expect((await vault.call(`database-roles/${name}`, role, 'PUT')).status).toBe(204);
  }
});

afterAll(() => vault?.stop());

type Where = 'own' | 'target';
type Point = readonly [where: Where, side: Stop['side'], text: string, next?: string];

const recorded = (event: string): readonly Point[] => [
  ['own', 'before', event],
  ['own', 'before', event, 'commit'],
  ['own', 'after', event, 'commit'],
];

const creationPoints: readonly Point[] = [
  ...recorded('lease.requested'),
  ['target', 'before', 'CREATE ROLE'],
  ['target', 'after', 'CREATE ROLE'],
  ['target', 'before', 'COMMENT ON ROLE'],
  ['target', 'before', 'COMMENT ON ROLE', 'commit'],
  ['target', 'after', 'COMMENT ON ROLE', 'commit'],
  ...recorded('lease.issued'),
];
const renewalPoints: readonly Point[] = [
  ...recorded('lease.renewal_started'),
  ['target', 'before', 'VALID UNTIL'],
  ['target', 'before', 'VALID UNTIL', 'commit'],
  ['target', 'after', 'VALID UNTIL', 'commit'],
  ...recorded('lease.renewed'),
];
const revocationPoints: readonly Point[] = [
  ...recorded('lease.revocation_started').slice(2),
  ['target', 'before', 'NOLOGIN'],
  ['target', 'after', 'NOLOGIN', 'commit'],
  ['target', 'before', 'pg_terminate_backend'],
  ['target', 'before', 'REASSIGN OWNED'],
  ['target', 'before', 'DROP OWNED'],
  ['target', 'before', 'DROP ROLE'],
  ['target', 'after', 'DROP ROLE'],
  ['target', 'before', 'DROP ROLE', 'commit'],
  ['target', 'after', 'DROP ROLE', 'commit'],
  ...recorded('lease.revoked'),
];

const staticPoints: readonly Point[] = [
  ['own', 'before', 'static_role.rotation_started', 'commit'],
  ['own', 'after', 'static_role.rotation_started', 'commit'],
  ['target', 'before', 'ALTER ROLE "reports"', 'commit'],
  ['target', 'after', 'ALTER ROLE "reports"', 'commit'],
  ['own', 'before', 'static_role.rotated', 'commit'],
  ['own', 'after', 'static_role.rotated', 'commit'],
];
const rootPoints: readonly Point[] = [
  ['target', 'before', 'ALTER ROLE "manager"', 'commit'],
  ['target', 'after', 'ALTER ROLE "manager"', 'commit'],
];

/** Kills the vault while `request` is at this point, and starts it again. */
async function killAt([where, side, text, next]: Point, request: () => Promise<unknown>): Promise<void> {
  const proxy = where === 'own' ? vault.ownProxy : vault.targetProxy;
  const reached = proxy.stopAt({ side, text, ...(next !== undefined && { next }) });
  const answer = request().then(
    (given) => ({ given }),
    () => undefined,
  );
  const first = await Promise.race([reached.then(() => 'reached'), answer]);
  // Answered: the statement that was to be stopped never came.
  expect(first).toBe('reached');
  await vault.kill9();
  proxy.release();
  expect(await answer).toBeUndefined();
  await vault.start();
}

const make = (role = 'app', call = vault.call) => call(`database-roles/${role}/credentials`, {});

/** A busy machine may answer 503 now and then: whoever needs a lease asks again. */
const issue = (role?: string, call?: LeaseProcess['call']) =>
  waitFor(
    async () => {
      const { status, body } = await make(role, call);
      return status === 201 && (body as Record<string, string>);
    },
    { timeoutMs: 30_000, message: 'a lease' },
  );

/** How often something happened; of one lease, where it is named. */
const happened = async (type: string, leaseId?: string): Promise<number> => {
  const { rows } = await vault.superuser.query(
    `select count(*)::int as n from vault.events
     where type = $1 and ($2::text is null or envelope::jsonb->'data'->>'leaseId' = $2)`,
    [type, leaseId ?? null],
  );
  return rows[0].n;
};
const leaseOf = async (leaseId = '') => {
  const { rows } = await vault.superuser.query(
    'select status, extract(epoch from valid_until)::float as until from vault.leases where lease_id = $1',
    [leaseId],
  );
  return rows[0];
};
const termOf = async (username = '') => {
  const { rows } = await vault.target.root.query(
    'select extract(epoch from rolvaliduntil)::float as until from pg_roles where rolname = $1',
    [username],
  );
  return rows[0]?.until;
};

describe('killed while a credential is made', () => {
  it.each(creationPoints)(
    '%s, %s %s %s',
    async (...point) => {
      const before = (await settled(vault)).active;
      await killAt(point, () => make());
      const after = await settled(vault);
      expect(after.active.length - before.length).toBeLessThanOrEqual(1);
      for (const username of before) expect(after.roles).toContain(username);
      const { rows } = await vault.superuser.query(
        `select count(*)::int as n from vault.leases where status = 'requested'`,
      );
      expect(rows[0].n).toBe(0);
    },
    120_000,
  );
});

describe('killed while a lease is prolonged', () => {
  it.each(renewalPoints)(
    '%s, %s %s %s',
    async (...point) => {
      const { leaseId, username, password } = await issue();
      const { until } = await leaseOf(leaseId);
      await killAt(point, () => vault.call(`leases/${leaseId}/renew`, { incrementSeconds: 7_200 }));
      expect((await settled(vault)).roles).toContain(username);
      const lease = await leaseOf(leaseId);
      expect(lease.status).toBe('active');
      expect(lease.until).toBe(await termOf(username));
      // An intent that was recorded is finished; before it nothing has happened.
      const [where, side, text, next] = point;
      const isIntended = !(where === 'own' && side === 'before' && text === 'lease.renewal_started');
      expect([lease.until > until + 3_000, next]).toEqual([isIntended, next]);
      expect(await vault.target.opens(username ?? '', password ?? '')).toBe(true);
      await vault.call(`leases/${leaseId}/revoke`, {});
    },
    120_000,
  );
});

describe('killed while a lease is ended', () => {
  it.each(revocationPoints)(
    '%s, %s %s %s',
    async (...point) => {
      const { leaseId, username, password } = await issue();
      await killAt(point, () => vault.call(`leases/${leaseId}/revoke`, {}));
      expect((await settled(vault)).roles).not.toContain(username);
      expect((await leaseOf(leaseId)).status).toBe('revoked');
      expect(await vault.target.opens(username ?? '', password ?? '')).toBe(false);
    },
    120_000,
  );

  it('before the intent: it lives on', async () => {
    const { leaseId, username, password } = await issue();
    await killAt(['own', 'before', 'lease.revocation_started'], () => vault.call(`leases/${leaseId}/revoke`, {}));
    expect((await settled(vault)).roles).toContain(username);
    expect(await vault.target.opens(username ?? '', password ?? '')).toBe(true);
  });
});

/** What is sealed of passwords: an old one goes when its successor is confirmed. */
const sealedPasswords = async (): Promise<number> =>
  (await vault.superuser.query('select count(*)::int as n from vault.database_secrets')).rows[0].n;

describe('killed while the password of a static role is changed', () => {
  const passwordOf = async () => {
    const { status, body } = await vault.call('static-roles/reports/credentials', {});
    expect(status).toBe(200);
    return String(body.password);
  };
  beforeAll(async () => {
    await vault.target.root.query('create role reports login; grant reports to manager with admin option');
    const role = { db_name: 'main', username: 'reports', rotation_period: '1h' };
    expect((await vault.call('static-roles/reports', role, 'PUT')).status).toBe(204);
  });

  it.each(staticPoints)(
    '%s, %s %s %s',
    async (...point) => {
      const old = await passwordOf();
      const [started, rotated] = [
        await happened('static_role.rotation_started'),
        await happened('static_role.rotated'),
      ];
      await killAt(point, () => vault.call('static-roles/reports/rotate', {}));
      // An intent that was recorded is finished by the keeper, once; before it nothing has happened.
      const isIntended = !(point[1] === 'before' && point[2] === 'static_role.rotation_started');
      const change = isIntended ? 1 : 0;
      await waitFor(async () => (await happened('static_role.rotated')) === rotated + change, {
        timeoutMs: 30_000,
        message: () => vault.log().slice(-1_000),
      });
      expect(await happened('static_role.rotation_started')).toBe(started + change);
      expect(await sealedPasswords()).toBe(2);
      const password = await passwordOf();
      expect(password !== old).toBe(isIntended);
      expect(await vault.target.opens('reports', password)).toBe(true);
      expect(await vault.target.opens('reports', old)).toBe(!isIntended);
    },
    120_000,
  );
});

describe('killed while the password of our own account is changed', () => {
  it.each(rootPoints)(
    '%s, %s %s %s',
    async (...point) => {
      const rotated = await happened('database.root_rotated');
      await killAt(point, () => vault.call('databases/main/rotate-root', {}));
      await waitFor(async () => (await happened('database.root_rotated')) === rotated + 1, {
        timeoutMs: 30_000,
        message: () => vault.log().slice(-1_000),
      });
      expect(await sealedPasswords()).toBe(2);
      expect(await vault.target.opens('manager', vault.target.password)).toBe(false);
      await vault.call(`leases/${(await issue()).leaseId}/revoke`, {});
    },
    120_000,
  );
});

describe('two replicas', () => {
  let other: LeaseProcess['call'];
  beforeAll(async () => {
    other = await vault.startReplica();
  });

  const ended = (leaseId: string) =>
    waitFor(async () => (await leaseOf(leaseId)).status === 'revoked', {
      timeoutMs: 30_000,
      message: `the end of ${leaseId}`,
    });
  /** Processes that have the turn or wait for it. */
  const inLine = async (): Promise<number> => {
    const { rows } = await vault.superuser.query(
      `select count(*)::int as n from pg_stat_activity
       where application_name = 'vault:leases' and datname = current_database()`,
    );
    return rows[0].n;
  };
  const endedOnce = async (leaseId: string) => [
    await happened('lease.revocation_started', leaseId),
    await happened('lease.revoked', leaseId),
  ];

  it('the one that ends leases is killed at it: the other one ends them all, each once', async () => {
    const leaseIds: string[] = [];
    for (const call of [vault.call, other, vault.call, other])
      leaseIds.push(String((await issue('brief', call)).leaseId));
    await vault.targetProxy.stopAt({ text: 'DROP ROLE', side: 'before' });
    await vault.kill9();
    vault.targetProxy.release();
    for (const leaseId of leaseIds) {
      await ended(leaseId);
      expect(await endedOnce(leaseId)).toEqual([1, 1]);
    }
    expect(await vault.target.leased()).toEqual((await settled(vault)).active);
    await vault.start();
  });

  it('one loses its turn before it has said that a lease ended: the other says so, and it is said once', async () => {
    const stopped = vault.ownProxy.stopAt({ text: 'lease.revoked', side: 'before' });
    const { leaseId = '', username } = await issue('brief');
    await stopped;
    expect(await vault.target.leased()).not.toContain(username);
    await vault.superuser.query(
      `select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and application_name = 'vault:leases' and datname = current_database()`,
    );
    await ended(leaseId);
    await vault.ownProxy.resume();
    // Whoever lost the turn waits for the next one when he is done with what he had begun.
    await waitFor(async () => (await inLine()) === 2, { message: 'both are in line' });
    expect(await endedOnce(leaseId)).toEqual([1, 1]);
  });

  it('both are asked to end one: it ends once', async () => {
    const { leaseId = '', username } = await issue();
    const answers = await Promise.all([vault.call, other].map((call) => call(`leases/${leaseId}/revoke`, {})));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await ended(leaseId);
    expect(await endedOnce(leaseId)).toEqual([1, 1]);
    expect(await vault.target.leased()).not.toContain(username);
  });
});
