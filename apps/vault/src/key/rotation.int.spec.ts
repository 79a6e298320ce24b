import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { byVault } from './key-log.js';
import { type KeyDatabase, type Replica, startKeyDatabase } from './keys.fixture.js';
import { sealedTriggers } from './sealed-table-sql.js';

let database: KeyDatabase;
let one: Replica;
let two: Replica;
let tenant: string;
let tenants = 0;
const neverAborted = new AbortController().signal;

beforeAll(async () => {
  database = await startKeyDatabase();
  [one, two] = [await database.replica(), await database.replica()];
});

afterAll(() => database?.stop());

beforeEach(() => {
  tenant = `tenant-${++tenants}`;
});

const rootKeys = async () =>
  (await database.superuser.query('select id, active from vault.root_keys order by created_at')).rows;
const tenantKeys = async (of = tenant) =>
  (
    await database.superuser.query(
      `select version, retiring from vault.tenant_keys where tenant_id = $1 and purpose = 'data' order by version`,
      [of],
    )
  ).rows;
const eventTypes = async (of: string) =>
  (
    await database.superuser.query<{ type: string }>(
      'select type from vault.events where tenant_id = $1 order by seq',
      [of],
    )
  ).rows.map(({ type }) => type);

/** Reads and writes at both replicas until it is stopped; answers how many, and what failed. */
function load() {
  const failures: unknown[] = [];
  let operations = 0;
  let going = true;
  const worker = async (replica: Replica, name: string) => {
    for (let i = 0; going; i++) {
      try {
        await replica.write(tenant, name, `${name} ${i}`);
        const text = await (i % 2 ? one : two).read(tenant, name);
        if (text !== `${name} ${i}`) failures.push(new Error(`read ${text}`));
        await replica.read(tenant, 'old');
        operations += 3;
      } catch (error) {
        // A write that lost the race against the end of a key says so, and is made again.
        if ((error as { code?: string }).code !== '40001') failures.push(error);
      }
    }
  };
  const workers = [worker(one, 'a'), worker(two, 'b'), worker(one, 'c'), worker(two, 'd')];
  return {
    operations: () => operations,
    async stop() {
      going = false;
      await Promise.all(workers);
      return failures;
    },
  };
}

describe("a tenant's key", () => {
  it('is rotated under load: no read fails, old values open, the former key is gone from table and memory', async () => {
    await one.write(tenant, 'old', 'from before');
    const before = (await database.superuser.query('select ciphertext from vault.notes where tenant_id = $1', [tenant]))
      .rows[0].ciphertext;
    const running = load();
    await waitFor(() => running.operations() > 60, { message: 'load' });
    for (const version of [2, 3]) {
      expect(await one.tenantKeyRotation.start(byVault(tenant))).toBe(version);
      await waitFor(async () => (await two.worker.once(neverAborted)) && (await tenantKeys()).length === 1, {
        message: 'the end of the rotation',
      });
    }
    const reached = running.operations();
    await waitFor(() => running.operations() > reached + 60, { message: 'load afterwards' });
    expect(await running.stop()).toEqual([]);
    expect(await tenantKeys()).toEqual([{ version: 3, retiring: false }]);
    for (const replica of [one, two]) {
      expect(await replica.read(tenant, 'old')).toBe('from before');
      expect((await replica.keyring.held()).tenants.get(tenant)).toEqual([3]);
      await expect(replica.keyring.dataKey(tenant, 1)).rejects.toMatchObject({ code: 'wrong_key' });
    }
    const { rows } = await database.superuser.query(
      `select ciphertext, key_version from vault.notes where tenant_id = $1 and name = 'old'`,
      [tenant],
    );
    expect(rows[0]).toEqual({ ciphertext: before, key_version: 3 });
    expect(await eventTypes(tenant)).toEqual([
      'tenant_key.created',
      ...['tenant_key.rotated', 'tenant_key.retired', 'tenant_key.rotated', 'tenant_key.retired'],
    ]);
  });

  it('is not retired before the last of its values, whoever crashed on the way', async () => {
    for (let i = 0; i < 450; i++) await one.write(tenant, `n${i}`, 'x');
    await one.tenantKeyRotation.start(byVault(tenant));
    await expect(one.tenantKeyRotation.start(byVault(tenant))).rejects.toMatchObject({ code: 'rotation_running' });
    // The crash: after some rows the process is gone.
    const cut = new AbortController();
    cut.abort();
    await one.tenantKeyRotation.rewrap({ tenantId: tenant, version: 1 }, cut.signal);
    const [key] = await two.tenantKeyRotation.retiring();
    expect(key).toEqual({ tenantId: tenant, version: 1 });
    await two.tenantKeyRotation.retire({ tenantId: tenant, version: 1 });
    expect((await tenantKeys()).map(({ version }) => version)).toEqual([1, 2]);
    expect(await two.worker.once(neverAborted)).toBe(true);
    expect((await tenantKeys()).map(({ version }) => version)).toEqual([2]);
    expect(await one.read(tenant, 'n449')).toBe('x');
  });

  it('takes no value that was sealed before its end and stored after it', async () => {
    await one.write(tenant, 'n', 'x');
    const place = { tenantId: tenant, purpose: 'note', name: 'late', version: 1 };
    const late = await one.keyring.seal(place, Buffer.from('late'));
    await two.tenantKeyRotation.start(byVault(tenant));
    await two.worker.once(neverAborted);
    const insert = one.pool.query('insert into notes values ($1, $2, $3, $4, $5)', [
      ...[tenant, 'late', late.ciphertext, late.wrappedKey, late.keyVersion],
    ]);
    await expect(insert).rejects.toMatchObject({ code: '40001' });
    await one.follower.followNow();
    await one.write(tenant, 'late', 'again');
    expect(await two.read(tenant, 'late')).toBe('again');
  });

  it('is kept for a value that does not open, which is named; the others go on', async () => {
    await one.write(tenant, 'good', 'x');
    await one.write(tenant, 'bad', 'y');
    await database.superuser.query(
      `update vault.notes set wrapped_key = set_byte(wrapped_key, 40, get_byte(wrapped_key, 40) # 1)
       where tenant_id = $1 and name = 'bad'`,
      [tenant],
    );
    await one.tenantKeyRotation.start(byVault(tenant));
    one.warnings.length = 0;
    expect(await one.worker.once(neverAborted)).toBe(false);
    expect(one.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(new RegExp(`tenant ${tenant}.*notes/${tenant}/bad`)),
    ]);
    expect((await tenantKeys()).map(({ version }) => version)).toEqual([1, 2]);
    expect(await one.read(tenant, 'good')).toBe('x');
    await database.superuser.query(`delete from vault.notes where tenant_id = $1 and name = 'bad'`, [tenant]);
    expect(await one.worker.once(neverAborted)).toBe(true);
  });

  it('is not retired while a table with sealed values is unknown, or unguarded', async () => {
    await one.write(tenant, 'n', 'x');
    await one.tenantKeyRotation.start(byVault(tenant));
    await database.superuser.query('create table vault.forgotten (tenant_id text, wrapped_key bytea)');
    expect(await one.worker.once(neverAborted)).toBe(false);
    expect(one.warnings.at(-1)?.message).toContain('forgotten');
    await database.superuser.query('drop table vault.forgotten');
    for (const trigger of sealedTriggers) {
      await database.superuser.query(`alter table vault.notes disable trigger ${trigger}`);
      expect(await one.worker.once(neverAborted)).toBe(false);
      expect((await tenantKeys()).map(({ version }) => version)).toEqual([1, 2]);
      await database.superuser.query(`alter table vault.notes enable trigger ${trigger}`);
    }
    expect(await one.worker.once(neverAborted)).toBe(true);
  });
});

describe('the root key', () => {
  it('is rotated under load, and the former is gone from table and memory', async () => {
    await one.write(tenant, 'old', 'from before');
    const [former] = await rootKeys();
    const running = load();
    await waitFor(() => running.operations() > 60, { message: 'load' });
    const id = await one.rootKeyRotation.start(byVault('main'));
    await expect(two.rootKeyRotation.start(byVault('main'))).rejects.toMatchObject({ code: 'rotation_running' });
    await waitFor(async () => (await two.worker.once(neverAborted)) && (await rootKeys()).length === 1, {
      message: 'the end of the rotation',
    });
    const reached = running.operations();
    await waitFor(() => running.operations() > reached + 60, { message: 'load afterwards' });
    expect(await running.stop()).toEqual([]);
    expect(await rootKeys()).toEqual([{ id, active: true }]);
    expect(id).not.toBe(former.id);
    for (const replica of [one, two]) {
      await waitFor(() => replica.roots.held.join() === id, { message: 'the former key is forgotten' });
      expect(await replica.read(tenant, 'old')).toBe('from before');
    }
    expect((await eventTypes('main')).slice(-2)).toEqual(['root_key.rotation_started', 'root_key.rotated']);
  });

  it('goes on after a crash at each step, at another replica', async () => {
    for (let i = 0; i < 5; i++) await one.write(`${tenant}-${i}`, 'n', 'x');
    const [former] = await rootKeys();
    await one.rootKeyRotation.start(byVault('main'));
    // Started, and nothing done: both keys open what is under them.
    await two.follower.followNow();
    expect(two.roots.held).toHaveLength(2);
    expect(await two.read(`${tenant}-0`, 'n')).toBe('x');
    await two.rootKeyRotation.retire(former.id);
    expect(await rootKeys()).toHaveLength(2);
    // Rewrapped, and not retired.
    await one.rootKeyRotation.rewrap(former.id, neverAborted);
    expect(await rootKeys()).toHaveLength(2);
    expect(await two.worker.once(neverAborted)).toBe(true);
    expect(await rootKeys()).toHaveLength(1);
    // A replica that starts now needs the new key alone.
    const three = await database.replica();
    expect(await three.read(`${tenant}-4`, 'n')).toBe('x');
    await three.stop();
  });

  it('takes no tenant key that was wrapped before its end and stored after it', async () => {
    const [former] = await rootKeys();
    await one.write(tenant, 'n', 'x');
    const { rows } = await database.superuser.query(
      `select wrapped from vault.tenant_keys where tenant_id = $1 limit 1`,
      [tenant],
    );
    await one.rootKeyRotation.start(byVault('main'));
    await one.worker.once(neverAborted);
    expect((await rootKeys())[0].id).not.toBe(former.id);
    const insert = one.pool.query(
      `insert into tenant_keys (tenant_id, purpose, version, wrapped) values ('late', 'data', 1, $1)`,
      [rows[0].wrapped],
    );
    await expect(insert).rejects.toMatchObject({ code: '40001' });
  });

  it('is kept while a tenant key under it does not open, which is named', async () => {
    await one.write(tenant, 'n', 'x');
    const flip = () =>
      database.superuser.query(
        `update vault.tenant_keys set wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)
         where tenant_id = $1 and purpose = 'fingerprint'`,
        [tenant],
      );
    await flip();
    await one.rootKeyRotation.start(byVault('main'));
    one.warnings.length = 0;
    expect(await one.worker.once(neverAborted)).toBe(false);
    expect(one.warnings[0]?.message).toContain(`${tenant}/fingerprint/1`);
    expect(await rootKeys()).toHaveLength(2);
    await flip();
    expect(await one.worker.once(neverAborted)).toBe(true);
    expect(await rootKeys()).toHaveLength(1);
  });

  it('rotation that finds the disk full changes nothing, and is made again when there is room', async () => {
    await one.write(tenant, 'n', 'x');
    await database.superuser.query(`
      create function vault.full_disk() returns trigger language plpgsql as $f$
        begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $f$;
      create trigger full_disk before update on vault.tenant_keys for each row execute function vault.full_disk();
      create trigger full_disk before insert on vault.root_keys for each row execute function vault.full_disk();`);
    await expect(one.rootKeyRotation.start(byVault('main'))).rejects.toMatchObject({ code: '53100' });
    expect(await rootKeys()).toHaveLength(1);
    await database.superuser.query('drop trigger full_disk on vault.root_keys');
    await one.rootKeyRotation.start(byVault('main'));
    one.warnings.length = 0;
    expect(await one.worker.once(neverAborted)).toBe(false);
    expect(one.warnings[0]?.message).toContain('No space left');
    expect(await two.read(tenant, 'n')).toBe('x');
    await database.superuser.query('drop function vault.full_disk cascade');
    expect(await one.worker.once(neverAborted)).toBe(true);
    expect(await rootKeys()).toHaveLength(1);
    expect(await two.read(tenant, 'n')).toBe('x');
  });
});
