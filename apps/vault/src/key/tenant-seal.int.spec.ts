import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { byVault } from './key-log.js';
import { type KeyDatabase, type Replica, startKeyDatabase } from './keys.fixture.js';

let database: KeyDatabase;
let one: Replica;
let two: Replica;
let tenant: string;
let tenants = 0;
const context = () => byVault(tenant);
const neverAborted = new AbortController().signal;

beforeAll(async () => {
  database = await startKeyDatabase();
  [one, two] = [await database.replica(), await database.replica()];
});
afterAll(() => database?.stop());
beforeEach(async () => {
  tenant = `tenant-${++tenants}`;
  for (const replica of [one, two]) await replica.write(tenant, `by-${replica === one ? 1 : 2}`, 'x');
  await one.write('other', 'n', 'y');
});

const rows = async () =>
  (await database.superuser.query('select * from vault.tenant_keys where tenant_id = $1', [tenant])).rows;
const events = async () =>
  (
    await database.superuser.query('select type from vault.events where tenant_id = $1 order by seq', [tenant])
  ).rows.map(({ type }) => type);

async function sealTenant(): Promise<string> {
  const key = one.tenantSeals.newUnsealKey();
  await one.tenantSeals.seal(key, context());
  return key;
}

describe('a tenant that seals itself', () => {
  it('is shut at every replica, also after a restart; others go on; its key opens it', async () => {
    const key = await sealTenant();
    expect(key).toMatch(/^gus_[A-Za-z0-9_-]{43}$/);
    await expect(one.read(tenant, 'by-1')).rejects.toMatchObject({ code: 'tenant_sealed', status: 503 });
    await waitFor(async () => !(await two.keyring.held()).tenants.has(tenant), { message: 'the other replica' });
    const three = await database.replica();
    for (const replica of [one, two, three]) {
      await expect(replica.read(tenant, 'by-1')).rejects.toMatchObject({ code: 'tenant_sealed' });
      await expect(replica.write(tenant, 'n', 'x')).rejects.toMatchObject({ code: 'tenant_sealed' });
      await expect(replica.keyring.fingerprint(tenant, 'x')).rejects.toMatchObject({ code: 'tenant_sealed' });
      expect(await replica.read('other', 'n')).toBe('y');
    }
    expect(await two.tenantSeals.status(tenant)).toMatchObject({ sealed: true, wrongAttempts: 0 });
    await two.tenantSeals.unseal(key, context());
    for (const replica of [one, two, three]) {
      await replica.follower.followNow();
      expect(await replica.read(tenant, 'by-2')).toBe('x');
    }
    expect(await events()).toEqual(['tenant_key.created', 'tenant.sealed', 'tenant.unsealed']);
    expect(await one.tenantSeals.status(tenant)).toEqual({ sealed: false });
  });

  it('is not opened by who has database and root key, whatever they write there', async () => {
    await sealTenant();
    const sealed = await rows();
    // What would open it, if `wrapped` still were the key.
    await database.superuser.query('update vault.tenant_keys set sealed_key = null where tenant_id = $1', [tenant]);
    await database.superuser.query('delete from vault.tenant_seals where tenant_id = $1', [tenant]);
    one.keyring.forgetTenants();
    await expect(one.read(tenant, 'by-1')).rejects.toMatchObject({ code: 'key_damaged' });
    await expect(one.write(tenant, 'n', 'x')).rejects.toMatchObject({ code: 'key_damaged' });
    for (const { purpose, sealed_key } of sealed)
      expect(sealed_key.includes((await rows()).find((row) => row.purpose === purpose).wrapped.subarray(9))).toBe(
        false,
      );
    await database.superuser.query('delete from vault.tenant_keys where tenant_id = $1', [tenant]);
  });

  it('refuses another key, counts, and makes the next attempt wait', async () => {
    const key = await sealTenant();
    const other = one.tenantSeals.newUnsealKey();
    for (let i = 0; i < 5; i++)
      await expect(one.tenantSeals.unseal(other, context())).rejects.toMatchObject({ code: 'unseal_key_wrong' });
    await expect(two.tenantSeals.unseal(key, context())).rejects.toMatchObject({ code: 'unseal_throttled' });
    expect((await events()).filter((type) => type === 'tenant.unseal_refused')).toHaveLength(5);
    await database.superuser.query('update vault.tenant_seals set next_attempt_at = now() where tenant_id = $1', [
      tenant,
    ]);
    await two.tenantSeals.unseal(key, context());
    expect(await two.read(tenant, 'by-1')).toBe('x');
  });

  it.each(['', 'gus_', `gus_${'!'.repeat(43)}`, `mas_${'A'.repeat(54)}`])(
    'refuses %j as no key at all',
    async (text) => {
      await expect(one.tenantSeals.seal(text, context())).rejects.toMatchObject({ code: 'validation_failed' });
      await expect(one.tenantSeals.unseal(text, context())).rejects.toMatchObject({ code: 'validation_failed' });
    },
  );

  it('is sealed once, unsealed once, and a tenant without keys too', async () => {
    tenant = `${tenant}-new`;
    await expect(one.tenantSeals.unseal(one.tenantSeals.newUnsealKey(), context())).rejects.toMatchObject({
      code: 'tenant_not_sealed',
    });
    const key = await sealTenant();
    await expect(sealTenant()).rejects.toMatchObject({ code: 'tenant_already_sealed' });
    await one.tenantSeals.unseal(key, context());
    await expect(one.tenantSeals.unseal(key, context())).rejects.toMatchObject({ code: 'tenant_not_sealed' });
    await one.write(tenant, 'n', 'x');
  });

  it('does not hold up a rotation of the root key, and opens afterwards', async () => {
    const key = await sealTenant();
    const { id } = one.roots.active;
    await one.rootKeyRotation.start(byVault('main'));
    expect(await one.worker.once(neverAborted)).toBe(true);
    const { rows: left } = await database.superuser.query('select id from vault.root_keys');
    expect(left).toHaveLength(1);
    expect(left[0].id).not.toBe(id);
    await two.follower.followNow();
    await two.tenantSeals.unseal(key, context());
    expect(await two.read(tenant, 'by-1')).toBe('x');
  });

  it('keeps its own rotation waiting, which ends once it is open', async () => {
    await one.tenantKeyRotation.start(context());
    const key = await sealTenant();
    await expect(two.tenantKeyRotation.start(context())).rejects.toMatchObject({ code: 'tenant_sealed' });
    one.warnings.length = 0;
    await one.worker.once(neverAborted);
    expect(one.warnings).toEqual([]);
    expect(await rows()).toHaveLength(3);
    await one.tenantSeals.unseal(key, context());
    expect(await one.worker.once(neverAborted)).toBe(true);
    expect(await rows()).toHaveLength(2);
    expect(await one.read(tenant, 'by-2')).toBe('x');
  });

  it('that was changed in the tables says so, and opens when it is restored', async () => {
    const key = await sealTenant();
    for (const column of ['wrapped', 'sealed_key']) {
      const flip = () =>
        database.superuser.query(
          `update vault.tenant_keys set ${column} = set_byte(${column}, 40, get_byte(${column}, 40) # 1)
           where tenant_id = $1 and purpose = 'data'`,
          [tenant],
        );
      await flip();
      await expect(one.tenantSeals.unseal(key, context())).rejects.toMatchObject({
        code: expect.stringMatching(/key_damaged|unseal_key_wrong/),
      });
      await flip();
    }
    await one.tenantSeals.unseal(key, context());
    expect(await one.read(tenant, 'by-1')).toBe('x');
  });
});
