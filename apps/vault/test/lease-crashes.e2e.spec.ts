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
  const role = { db_name: 'main', creation_statements: creation, default_ttl: '1h', max_ttl: '24h' };
  expect((await vault.call('database-roles/app', role, 'PUT')).status).toBe(204);
}, 120_000);

afterAll(() => vault?.stop());

type Where = 'own' | 'target';
type Point = readonly [where: Where, side: Stop['side'], text: string, then?: string];

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

/** Kills the vault while `request` is at this point, and starts it again. */
async function killAt([where, side, text, then]: Point, request: () => Promise<unknown>): Promise<void> {
  const proxy = where === 'own' ? vault.ownProxy : vault.targetProxy;
  const reached = proxy.stopAt({ side, text, ...(then !== undefined && { then }) });
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

const make = () => vault.call('database-roles/app/credentials', {});

/** A busy machine may answer 503 now and then: whoever needs a lease asks again. */
const issue = () =>
  waitFor(
    async () => {
      const { status, body } = await make();
      return status === 201 && (body as Record<string, string>);
    },
    { timeoutMs: 30_000, message: 'a lease' },
  );

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
      await killAt(point, make);
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
      const [where, side, text, then] = point;
      const isIntended = !(where === 'own' && side === 'before' && text === 'lease.renewal_started');
      expect([lease.until > until + 3_000, then]).toEqual([isIntended, then]);
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
  }, 120_000);
});
