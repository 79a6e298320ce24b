import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LeaseProcess, startLeaseProcess } from './lease-process.fixture.js';
import { creation } from './target.fixture.js';

/*
 * Backups of the vault's tables are taken at random moments while leases are made, prolonged and ended; then the vault is
 * killed, a backup put back, and the vault started on it. The target keeps what really happened.
 */

const seed = Number(process.env.LEASE_SEED ?? 7);

/** mulberry32: the same seed, the same choices. */
function choices(state: number): (below: number) => number {
  let a = state;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Held {
  readonly leaseId: string;
  readonly username: string;
  readonly password: string;
  /** Unix milliseconds, as the target was last told. */
  validUntil: number;
  revoked: boolean;
}

let vault: LeaseProcess;
const held: Held[] = [];

beforeAll(async () => {
  vault = await startLeaseProcess();
  await vault.call('databases/main', vault.target.config(vault.targetProxy.port), 'PUT');
  for (const [name, ttl] of [
    ['long', '1h'],
    ['brief', '20s'],
  ])
    await vault.call(
      `database-roles/${name}`,
      { db_name: 'main', creation_statements: creation, default_ttl: ttl, max_ttl: '24h' },
      'PUT',
    );
});

afterAll(() => vault?.stop());

async function tables(): Promise<readonly string[]> {
  const { rows } = await vault.superuser.query(`select tablename from pg_tables where schemaname = 'vault'`);
  return rows.map(({ tablename }) => tablename).filter((name) => name !== 'migrations');
}

/** One moment of all tables. */
async function backUp(name: string): Promise<void> {
  const client = await vault.superuser.connect();
  try {
    await client.query(`begin isolation level repeatable read; create schema ${name}`);
    for (const table of await tables()) await client.query(`create table ${name}.${table} as table vault.${table}`);
    await client.query('commit');
  } finally {
    client.release();
  }
}

async function restore(name: string): Promise<void> {
  const client = await vault.superuser.connect();
  try {
    await client.query(`begin; set local session_replication_role = replica`);
    for (const table of await tables())
      await client.query(
        `delete from vault.${table}; insert into vault.${table} overriding system value select * from ${name}.${table}`,
      );
    await client.query('commit');
  } finally {
    client.release();
  }
}

async function act(choose: (below: number) => number): Promise<void> {
  const open = held.filter(({ revoked }) => !revoked);
  const lease = open[choose(Math.max(1, open.length))];
  const what = lease === undefined ? 0 : choose(10);
  if (what < 5) {
    const { status, body } = await vault.call(`database-roles/${choose(3) === 0 ? 'brief' : 'long'}/credentials`, {});
    if (status !== 201) return;
    const { leaseId, username, password, validUntil } = body as Record<string, string>;
    held.push({
      leaseId: leaseId ?? '',
      username: username ?? '',
      password: password ?? '',
      validUntil: Date.parse(validUntil ?? ''),
      revoked: false,
    });
  } else if (lease && what < 9) {
    const { status, body } = await vault.call(`leases/${lease.leaseId}/renew`, {
      incrementSeconds: 4_000 + choose(4_000),
    });
    if (status === 200) lease.validUntil = Date.parse(String(body.validUntil));
  } else if (lease) {
    lease.revoked = true;
    await vault.call(`leases/${lease.leaseId}/revoke`, {});
  }
}

const openUsernames = async (): Promise<ReadonlySet<string>> => {
  const { rows } = await vault.superuser.query(
    `select username from vault.leases where status in ('requested', 'active', 'renewing', 'revoking')`,
  );
  return new Set(rows.map(({ username }) => username));
};

/** Every role that is there is a lease that the log knows, and none of the log is without its role. */
const agrees = () =>
  waitFor(
    async () => {
      const known = await openUsernames();
      const roles = await vault.target.leased();
      return roles.length === known.size && roles.every((name) => known.has(name));
    },
    { timeoutMs: 60_000, message: () => `log and target agree; ${vault.log().slice(-2_000)}` },
  );

describe('a vault whose log was set back', () => {
  it('knows every live credential, and ends none that nobody ended', async () => {
    const choose = choices(seed);
    const backups: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 14; i++) {
        const work = act(choose);
        if (choose(4) === 0) {
          const name = `backup_${backups.length}`;
          // While the call is under way: between any two of its steps.
          await new Promise((go) => setImmediate(go));
          await backUp(name);
          backups.push(name);
        }
        await work;
      }
      if (backups.length === 0) {
        await backUp('backup_0');
        backups.push('backup_0');
      }
      await vault.kill9();
      vault.ownProxy.release();
      await restore(backups[choose(backups.length)] ?? '');
      await vault.start();
      await agrees();
      for (const lease of held) {
        if (lease.revoked || lease.validUntil < Date.now() + 2_000) continue;
        expect([lease.username, await vault.target.opens(lease.username, lease.password)]).toEqual([
          lease.username,
          true,
        ]);
      }
    }
    // What has expired meanwhile is gone, whichever log it was in.
    const brief = held.filter(({ validUntil }) => validUntil < Date.now() + 40_000);
    await waitFor(
      async () => (await vault.target.leased()).every((name) => !brief.some(({ username }) => username === name)),
      {
        timeoutMs: 90_000,
        message: 'what expired is gone',
      },
    );
    // And what somebody has in his hands can be ended by its id.
    for (const lease of held.filter(({ revoked }) => !revoked)) await vault.call(`leases/${lease.leaseId}/revoke`, {});
    await waitFor(async () => (await vault.target.leased()).length === 0, {
      timeoutMs: 60_000,
      message: 'all is gone',
    });
  }, 600_000);
});
