import { rmSync } from 'node:fs';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fileSeal } from '../file-seal.js';
import { byVault } from '../key-log.js';
import { type KeyDatabase, startKeyDatabase } from '../keys.fixture.js';
import { ShamirSeal } from './shamir-seal.js';

let database: KeyDatabase;
beforeAll(async () => {
  database = await startKeyDatabase();
});
afterAll(() => database?.stop());

const sharesRow = async () =>
  (await database.superuser.query('select seal_kind, seal_facts from vault.root_keys')).rows;

describe('a vault that is sealed with shares', () => {
  let shares: readonly string[] = [];

  it('is not initialized by itself, and answers its shares once', async () => {
    const one = await database.replica({ seal: new ShamirSeal() });
    expect(await one.control.status()).toMatchObject({ initialized: false, sealed: true, kind: 'shamir', shares: 0 });
    expect(one.follower.problem).toBeUndefined();
    await expect(one.control.unseal({ share: 'gsh_x' })).rejects.toMatchObject({ code: 'not_initialized' });
    await expect(one.control.init({ shares: 3, threshold: 4 })).rejects.toMatchObject({ code: 'validation_failed' });
    ({ shares } = await one.control.init({ shares: 4, threshold: 2 }));
    expect(shares).toHaveLength(4);
    await expect(one.control.init({})).rejects.toMatchObject({ code: 'already_initialized' });
    expect(await sharesRow()).toEqual([{ seal_kind: 'shamir', seal_facts: { shares: 4, threshold: 2 } }]);
    expect(await one.control.status()).toMatchObject({ initialized: true, sealed: true, threshold: 2, shares: 4 });
    await expect(one.write('acme', 'n', 'x')).rejects.toMatchObject({ code: 'sealed' });
  });

  it('is unsealed at each replica by itself, and sealed at all of them', async () => {
    const [one, two] = [
      await database.replica({ seal: new ShamirSeal() }),
      await database.replica({ seal: new ShamirSeal() }),
    ];
    expect(await one.control.unseal({ share: shares[0] })).toMatchObject({ sealed: true, progress: 1 });
    expect(await one.control.unseal({ reset: true })).toMatchObject({ progress: 0, nonce: '' });
    await one.control.unseal({ share: shares[3] });
    expect(await one.control.unseal({ share: shares[1] })).toMatchObject({ sealed: false });
    await one.write('acme', 'n', 'x');
    expect((await two.control.status()).sealed).toBe(true);
    for (const share of shares.slice(0, 2)) await two.control.unseal({ share });
    expect(await two.read('acme', 'n')).toBe('x');
    await two.control.seal();
    await waitFor(() => one.keyring.sealed, { message: 'sealed everywhere' });
    await expect(one.read('acme', 'n')).rejects.toMatchObject({ code: 'sealed' });
    await one.control.unseal({ share: shares[0] });
    await one.control.unseal({ share: shares[2] });
    expect(await one.read('acme', 'n')).toBe('x');
    expect((await two.control.status()).sealed).toBe(true);
  });

  it('keeps the shares that were brought while it looks whether it is sealed still, and the key that they opened', async () => {
    const one = await database.replica({ seal: new ShamirSeal() });
    for (const share of shares.slice(0, 2)) await one.control.unseal({ share });
    await one.control.seal();
    for (let round = 0; round < 10; round++) {
      expect(await one.control.unseal({ share: shares[0] })).toMatchObject({ sealed: true, progress: 1 });
      await one.follower.followNow();
      expect(await one.control.status()).toMatchObject({ sealed: true, progress: 1 });
      // As when somebody else's changes, and the time, have it look again and again.
      let opening = true;
      const looking = (async () => {
        while (opening) await one.follower.followNow();
      })();
      const status = await one.control.unseal({ share: shares[1] });
      opening = false;
      await looking;
      expect(status).toMatchObject({ sealed: false });
      expect(await one.read('acme', 'n')).toBe('x');
      await one.control.seal();
      await expect(one.read('acme', 'n')).rejects.toMatchObject({ code: 'sealed' });
    }
    for (const share of shares.slice(0, 2)) await one.control.unseal({ share });
  });

  it('rotates its root key without shares, at replicas that are unsealed', async () => {
    const [one, two] = [
      await database.replica({ seal: new ShamirSeal() }),
      await database.replica({ seal: new ShamirSeal() }),
    ];
    for (const replica of [one, two]) for (const share of shares.slice(0, 2)) await replica.control.unseal({ share });
    const id = await one.rootKeyRotation.start(byVault('main'));
    expect(await one.worker.once(new AbortController().signal)).toBe(true);
    await waitFor(() => two.roots.held.join() === id, { message: 'the other replica has the new root key' });
    expect(await two.read('acme', 'n')).toBe('x');
  });

  it('gets new shares, after which the former open nothing', async () => {
    const one = await database.replica({ seal: new ShamirSeal() });
    await expect(one.control.rekey({})).rejects.toMatchObject({ code: 'sealed' });
    for (const share of shares.slice(0, 2)) await one.control.unseal({ share });
    const rekeyed = await one.control.rekey({ shares: 3, threshold: 3 });
    expect(rekeyed.shares).toHaveLength(3);
    const two = await database.replica({ seal: new ShamirSeal() });
    await expect(two.control.unseal({ share: shares[0] })).rejects.toMatchObject({ code: 'share_of_other_set' });
    for (const share of rekeyed.shares) await two.control.unseal({ share });
    expect(await two.read('acme', 'n')).toBe('x');
    // Who was unsealed already goes on.
    expect(await one.read('acme', 'n')).toBe('x');
  });

  it('takes over from a file: the shares are asked for, and from then on needed', async () => {
    rmSync(database.sealFile, { force: true });
    await database.superuser.query('truncate vault.root_keys, vault.tenant_keys, vault.notes, vault.events');
    const file = await database.replica();
    await file.write('acme', 'n', 'x');
    await file.stop();
    const one = await database.replica({ seal: new ShamirSeal(), previous: fileSeal(database.sealFile) });
    expect(await one.read('acme', 'n')).toBe('x');
    const { shares: made } = await one.control.rekey({ shares: 2, threshold: 2 });
    rmSync(database.sealFile);
    const two = await database.replica({ seal: new ShamirSeal() });
    expect((await two.control.status()).sealed).toBe(true);
    for (const share of made) await two.control.unseal({ share });
    expect(await two.read('acme', 'n')).toBe('x');
  });
});
