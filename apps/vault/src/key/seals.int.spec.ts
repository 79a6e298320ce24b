import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createKeyFile } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { envSeal } from './env-seal.js';
import { fileSeal } from './file-seal.js';
import { type KeyDatabase, type Replica, startKeyDatabase } from './keys.fixture.js';

let database: KeyDatabase;
let started: Replica[] = [];

beforeAll(async () => {
  database = await startKeyDatabase();
});

afterAll(() => database?.stop());

const replica = async (...options: Parameters<KeyDatabase['replica']>) => {
  const made = await database.replica(...options);
  started.push(made);
  return made;
};

beforeEach(async () => {
  rmSync(database.sealFile, { force: true });
  await database.superuser.query(`
    truncate vault.root_keys, vault.tenant_keys, vault.tenant_seals, vault.notes, vault.events;
    update vault.seal_state set sealed = false, generation = generation + 1`);
});

afterEach(async () => {
  for (const each of started) await each.stop();
  started = [];
});

const corrupt = (table: string, where = 'true') =>
  database.superuser.query(
    `update vault.${table} set wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) where ${where}`,
  );
const eventsOf = async (tenantId = 'main') =>
  (
    await database.superuser.query<{ type: string; data: unknown }>(
      `select type, envelope::jsonb -> 'data' as data from vault.events where tenant_id = $1 order by seq`,
      [tenantId],
    )
  ).rows;

describe('the seal `file`', () => {
  it('is made at the first start, readable by us alone, and opens at the next', async () => {
    const one = await replica();
    expect(statSync(database.sealFile).mode & 0o777).toBe(0o600);
    await one.write('acme', 'n', 'x');
    expect(await (await replica()).read('acme', 'n')).toBe('x');
    const id = one.roots.active.id;
    expect(await eventsOf()).toEqual([{ type: 'vault.initialized', data: { rootKey: id, seal: 'file' } }]);
    expect(await eventsOf('acme')).toEqual([{ type: 'tenant_key.created', data: { version: 1 } }]);
  });

  it('two replicas that start at once make one root key', async () => {
    const both = await Promise.all([replica(), replica()]);
    expect(new Set(both.map(({ roots }) => roots.active.id)).size).toBe(1);
    expect(await eventsOf()).toHaveLength(1);
  });

  it('that is missing where something was sealed is never made anew; it is used as soon as it is back', async () => {
    await (await replica()).write('acme', 'n', 'x');
    const away = `${database.sealFile}.away`;
    renameSync(database.sealFile, away);
    const two = await replica();
    expect(two.keyring.sealed).toBe(true);
    expect(two.follower.problem).toContain('does not exist');
    expect(two.warnings[0]?.message).toContain(database.sealFile);
    expect(existsSync(database.sealFile)).toBe(false);
    await expect(two.read('acme', 'n')).rejects.toMatchObject({ code: 'sealed', status: 503 });
    renameSync(away, database.sealFile);
    await waitFor(() => !two.keyring.sealed, { message: 'unsealed by itself' });
    expect(await two.read('acme', 'n')).toBe('x');
    expect(two.follower.problem).toBeUndefined();
  });

  it.each<[string, () => void, RegExp]>([
    ['of somebody else', () => writeFileSync(database.sealFile, randomBytes(32).toString('base64')), /wrapped under/],
    ['cut short', () => writeFileSync(database.sealFile, readFileSync(database.sealFile).subarray(0, 20)), /must hold/],
    ['that others may read', () => chmodSync(database.sealFile, 0o644), /mode 0644/],
  ])('%s does not open, and says why', async (_name, spoil, message) => {
    await (await replica()).write('acme', 'n', 'x');
    const kept = readFileSync(database.sealFile);
    spoil();
    const two = await replica();
    expect(two.follower.problem).toMatch(message);
    await expect(two.keyring.fingerprint('acme', 'x')).rejects.toMatchObject({ code: 'sealed' });
    writeFileSync(database.sealFile, kept);
    chmodSync(database.sealFile, 0o600);
    await two.follower.followNow();
    expect(await two.read('acme', 'n')).toBe('x');
  });

  it('gets a new key by rekeying, and needs it from then on', async () => {
    const one = await replica();
    await one.write('acme', 'n', 'x');
    const before = readFileSync(database.sealFile, 'utf8');
    expect(await one.control.rekey()).toEqual({ shares: [] });
    expect(readFileSync(database.sealFile, 'utf8')).not.toBe(before);
    expect(statSync(database.sealFile).mode & 0o777).toBe(0o600);
    expect(await (await replica()).read('acme', 'n')).toBe('x');
    writeFileSync(database.sealFile, before);
    expect((await replica()).keyring.sealed).toBe(true);
  });

  it('finds its new key after a crash on either side of the commit of a rekeying', async () => {
    const one = await replica();
    await one.write('acme', 'n', 'x');
    const seal = fileSeal(database.sealFile);
    const notCommitted = seal.rekey?.({}, async () => {
      throw new Error('crash');
    });
    await expect(notCommitted).rejects.toThrow('crash');
    expect(existsSync(`${database.sealFile}.next`)).toBe(true);
    const two = await replica();
    expect(await two.read('acme', 'n')).toBe('x');
    const committed = seal.rekey?.({}, async (wrap) => {
      await two.roots.rewrap(wrap, {});
      throw new Error('crash');
    });
    await expect(committed).rejects.toThrow('crash');
    const three = await replica();
    expect(await three.read('acme', 'n')).toBe('x');
    expect(existsSync(`${database.sealFile}.next`)).toBe(false);
  });
});

describe('another seal than before', () => {
  const key = () => randomBytes(32).toString('base64');

  it('has to be told of the former, once: file to environment, environment to file, file to file', async () => {
    await (await replica()).write('acme', 'n', 'x');
    const text = key();
    const blind = await replica({ seal: envSeal(text, 'SEAL_ENV_KEY') });
    expect(blind.follower.problem).toContain('SEAL_PREVIOUS');
    const two = await replica({ seal: envSeal(text, 'SEAL_ENV_KEY'), previous: fileSeal(database.sealFile) });
    expect(await two.read('acme', 'n')).toBe('x');
    rmSync(database.sealFile);
    const three = await replica({ seal: envSeal(text, 'SEAL_ENV_KEY') });
    expect(await three.read('acme', 'n')).toBe('x');
    await expect(three.control.rekey()).rejects.toMatchObject({ code: 'rekey_not_possible' });
    const [first, second] = ['first', 'second'].map((name) => join(database.files.path, name)) as [string, string];
    for (const path of [first, second]) createKeyFile(path, randomBytes(32));
    const previous = envSeal(text, 'SEAL_PREVIOUS_ENV_KEY');
    expect(await (await replica({ seal: fileSeal(first), previous })).read('acme', 'n')).toBe('x');
    const moved = await replica({ seal: fileSeal(second), previous: fileSeal(first) });
    expect(await moved.read('acme', 'n')).toBe('x');
    expect(await (await replica({ seal: fileSeal(second) })).read('acme', 'n')).toBe('x');
    expect((await eventsOf()).slice(1).map(({ data }) => data)).toEqual([
      { from: 'file', to: 'env' },
      { from: 'env', to: 'file' },
      { from: 'file', to: 'file' },
    ]);
  });

  it.each(['', 'short', 'A'.repeat(44)])('a key %j of the environment is refused without being repeated', (text) => {
    expect(() => envSeal(text, 'SEAL_ENV_KEY')).toThrow(/^SEAL_ENV_KEY (must hold|holds a placeholder)/);
  });
});

describe('damage in the tables', () => {
  it('a changed root key stays shut, others are not made, and it opens when it is restored', async () => {
    await (await replica()).write('acme', 'n', 'x');
    await corrupt('root_keys');
    const two = await replica();
    expect(two.follower.problem).toContain('does not verify');
    await expect(two.write('acme', 'm', 'y')).rejects.toMatchObject({ code: 'sealed' });
    await corrupt('root_keys');
    await two.follower.followNow();
    expect(await two.read('acme', 'n')).toBe('x');
    expect(await eventsOf()).toHaveLength(1);
  });

  it('an emptied table of root keys gets no new one while tenants have keys', async () => {
    await (await replica()).write('acme', 'n', 'x');
    const { rows } = await database.superuser.query('delete from vault.root_keys returning *');
    const two = await replica();
    expect(two.follower.problem).toMatch(/root_keys is empty.*backup/);
    const { id, wrapped, seal_kind, active } = rows[0];
    await database.superuser.query(
      'insert into vault.root_keys (id, wrapped, seal_kind, active) values ($1, $2, $3, $4)',
      [id, wrapped, seal_kind, active],
    );
    await two.follower.followNow();
    expect(await two.read('acme', 'n')).toBe('x');
  });

  it("a tenant's key that was changed, deleted, or is another tenant's or purpose's, opens nothing, and only there", async () => {
    const one = await replica();
    for (const tenantId of ['acme', 'other']) await one.write(tenantId, 'n', tenantId);
    const saved = (await database.superuser.query('select * from vault.tenant_keys')).rows;
    const wrappedOf = (tenantId: string, purpose: string) =>
      saved.find((row) => row.tenant_id === tenantId && row.purpose === purpose).wrapped;
    const put = (wrapped: Buffer) =>
      database.superuser.query(
        `update vault.tenant_keys set wrapped = $1 where tenant_id = 'acme' and purpose = 'data'`,
        [wrapped],
      );
    const damages = [
      () => corrupt('tenant_keys', `tenant_id = 'acme' and purpose = 'data'`),
      () => put(wrappedOf('other', 'data')),
      () => put(wrappedOf('acme', 'fingerprint')),
      () => database.superuser.query(`delete from vault.tenant_keys where tenant_id = 'acme' and purpose = 'data'`),
      () => database.superuser.query(`delete from vault.tenant_keys where tenant_id = 'acme'`),
    ];
    for (const damage of damages) {
      await damage();
      one.keyring.forgetTenants();
      await expect(one.read('acme', 'n')).rejects.toMatchObject({ code: 'key_damaged', status: 500 });
      await expect(one.write('acme', 'n', 'y')).rejects.toMatchObject({ code: 'key_damaged' });
      expect(await one.read('other', 'n')).toBe('other');
      await database.superuser.query(`delete from vault.tenant_keys where tenant_id = 'acme'`);
      for (const { tenant_id, purpose, version, wrapped } of saved.filter((row) => row.tenant_id === 'acme'))
        await database.superuser.query(
          'insert into vault.tenant_keys (tenant_id, purpose, version, wrapped) values ($1, $2, $3, $4)',
          [tenant_id, purpose, version, wrapped],
        );
      expect(await one.read('acme', 'n')).toBe('acme');
    }
  });
});

describe('sealing', () => {
  it('empties the memory of every replica, outlives restarts, and is undone by an operator alone', async () => {
    const [one, two] = [await replica(), await replica()];
    for (const each of [one, two]) await each.write('acme', 'n', 'x');
    await one.control.seal();
    expect((await one.keyring.held()).roots).toEqual([]);
    await waitFor(() => two.keyring.sealed, { message: 'the other replica' });
    expect((await two.keyring.held()).tenants.size).toBe(0);
    for (const each of [one, two]) await expect(each.read('acme', 'n')).rejects.toMatchObject({ code: 'sealed' });
    const three = await replica();
    expect(await three.control.status()).toMatchObject({ initialized: true, sealed: true, kind: 'file', threshold: 0 });
    await one.control.seal();
    await two.control.unseal();
    for (const each of [one, two, three]) {
      await waitFor(() => !each.keyring.sealed, { message: 'unsealed' });
      expect(await each.read('acme', 'n')).toBe('x');
    }
    expect((await eventsOf()).map(({ type }) => type)).toEqual(['vault.initialized', 'vault.sealed', 'vault.unsealed']);
  });

  it('stays where the seal does not open', async () => {
    const one = await replica();
    await one.write('acme', 'n', 'x');
    await one.control.seal();
    renameSync(database.sealFile, `${database.sealFile}.away`);
    await expect(one.control.unseal()).rejects.toMatchObject({ code: 'unseal_failed', status: 503 });
    const { rows } = await database.superuser.query('select sealed from vault.seal_state');
    expect(rows).toEqual([{ sealed: true }]);
  });

  it('waits for PostgreSQL at the start, and goes on by itself', async () => {
    await (await replica()).write('acme', 'n', 'x');
    await database.superuser.query('checkpoint');
    await database.postgres.kill9();
    const two = await replica();
    expect(two.keyring.sealed).toBe(true);
    expect(two.warnings.length).toBeGreaterThan(0);
    await expect(two.read('acme', 'n')).rejects.toThrow();
    expect(await two.control.status()).toMatchObject({ sealed: true });
    await database.postgres.restart();
    await waitFor(() => !two.keyring.sealed, { message: 'unsealed by itself' });
    expect(await two.read('acme', 'n')).toBe('x');
  });
});
