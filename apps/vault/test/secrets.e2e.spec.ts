import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secrets } from '../src/secret/secrets.js';
import { askerOf } from './asker.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
}, 60_000);

afterAll(() => stack?.stop());

const secrets = () => stack.service.app.get(Secrets, { strict: false });

describe('secrets', () => {
  it('are written, read, listed, deleted, restored, destroyed and forgotten', async () => {
    const asker = askerOf(admin);
    const first = await secrets().write(asker, 'production/DATABASE_URL', { value: 'postgres://one' });
    expect(first).toMatchObject({ version: 1, destroyed: false, deletedAt: null, revision: 1 });
    const second = await secrets().write(asker, 'production/DATABASE_URL', { value: 'two' }, { cas: 1 });
    expect(second).toMatchObject({ version: 2, secretId: first.secretId });
    await expect(secrets().write(asker, 'production/DATABASE_URL', {}, { cas: 1 })).rejects.toMatchObject({
      code: 'check_and_set',
    });
    const read = (version?: number) => secrets().read(asker, 'production/DATABASE_URL', { version });
    expect(await read()).toMatchObject({ version: 2, data: { value: 'two' } });
    expect(await read(1)).toMatchObject({ version: 1, data: { value: 'postgres://one' } });
    await expect(read(3)).rejects.toMatchObject({ code: 'not_found' });
    expect((await secrets().list(asker, '')).keys).toEqual(['production/']);
    expect((await secrets().list(asker, 'production/')).keys).toEqual(['DATABASE_URL']);
    await secrets().remove(asker, 'production/DATABASE_URL');
    expect(await read()).toMatchObject({ version: 2, data: null });
    await secrets().restore(asker, 'production/DATABASE_URL', [2]);
    expect(await read()).toMatchObject({ data: { value: 'two' } });
    await secrets().destroy(asker, 'production/DATABASE_URL', [1]);
    expect(await read(1)).toMatchObject({ destroyed: true, data: null });
    await secrets().putMetadata(asker, 'production/DATABASE_URL', { customMetadata: { owner: 'ann' }, maxVersions: 3 });
    expect(await secrets().metadata(asker, 'production/DATABASE_URL')).toMatchObject({
      currentVersion: 2,
      maxVersions: 3,
      customMetadata: { owner: 'ann' },
    });
    expect(await secrets().patch(asker, 'production/DATABASE_URL', { user: 'app' })).toMatchObject({ version: 3 });
    expect((await read()).data).toEqual({ value: 'two', user: 'app' });
    await secrets().forget(asker, 'production/DATABASE_URL');
    await expect(read()).rejects.toMatchObject({ code: 'not_found' });
    const again = await secrets().write(asker, 'production/DATABASE_URL', { value: 'new' }, { cas: 0 });
    expect(again).toMatchObject({ version: 1 });
    expect(again.secretId).not.toBe(first.secretId);
  }, 30_000);

  it('are read after a recorded decision that names the version, and denied ones are recorded too', async () => {
    const viewer = await stack.somebody('acme', 'viewer-1', ['viewer']);
    await secrets().write(askerOf(admin), 'production/API_KEY', { value: 'canary-value' });
    await secrets().read(askerOf(admin), 'production/API_KEY');
    await expect(secrets().read(askerOf(viewer), 'production/API_KEY')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(secrets().read(askerOf(viewer), 'production/NONE')).rejects.toMatchObject({ code: 'forbidden' });
    const { rows } = await stack.superuser.query<{ data: Record<string, unknown> }>(
      `select envelope::jsonb->'data' as data from policy.events
       where type = 'decision.recorded' and envelope like '%secret.read%' and envelope like '%production/%' order by tx, seq`,
    );
    const told = rows.map(({ data }) => [
      (data.subject as { id: string }).id,
      data.decision,
      (data.noted as { version: number }).version,
    ]);
    expect(told.slice(-3)).toEqual([
      ['admin-1', true, 1],
      ['viewer-1', false, 1],
      ['viewer-1', false, 0],
    ]);
  }, 30_000);

  it('of other tenants are not there', async () => {
    const stranger = await stack.somebody('globex', 'admin-1', ['admin']);
    await secrets().write(askerOf(admin), 'production/OURS', { value: 'x' });
    await expect(secrets().read(askerOf(stranger), 'production/OURS')).rejects.toMatchObject({ code: 'not_found' });
    expect((await secrets().list(askerOf(stranger), '')).keys).toEqual([]);
  }, 30_000);

  it('read and written at once by two tenants are each their own, however many share a statement', async () => {
    const stranger = await stack.somebody('globex', 'admin-2', ['admin']);
    const names = Array.from({ length: 80 }, (_, i) => `ROOT_${i}`); // more than a statement takes, and without a scope
    const askers = [askerOf(admin), askerOf(stranger)];
    const all = askers.flatMap((asker) => names.map((name) => ({ asker, name })));
    const givenTo = ({ asker, name }: (typeof all)[number]) => `${asker.caller.tenantId} ${name}`;
    await secrets().write(askerOf(admin), 'ALONE', { value: 'alone' });
    await Promise.all(all.map((one) => secrets().write(one.asker, one.name, { value: givenTo(one) })));
    const read = await Promise.all(
      all.map(({ asker, name }, i) => secrets().read(asker, name, { version: i % 2 === 0 ? 1 : undefined })),
    );
    expect(read.map(({ data }) => data?.value)).toEqual(all.map(givenTo));
    const missing = names.map((name) =>
      secrets()
        .read(askerOf(stranger), `${name}_NOT`)
        .catch((error) => error.code),
    );
    const found = secrets().read(askerOf(admin), 'ALONE');
    expect(new Set(await Promise.all(missing))).toEqual(new Set(['not_found']));
    expect((await found).data).toEqual({ value: 'alone' });
  }, 30_000);

  it('written at once by many each become one version', async () => {
    const asker = askerOf(admin);
    const written = await Promise.all(
      Array.from({ length: 40 }, (_, i) => secrets().write(asker, 'many/ONE', { value: String(i) })),
    );
    expect(written.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    const { rows } = await stack.superuser.query(
      `select count(*)::int as n from vault.secret_versions v join vault.secrets s using (tenant_id, stream_id) where s.path = 'many/ONE'`,
    );
    expect(rows[0].n).toBe(10);
    expect((await secrets().read(asker, 'many/ONE', { version: 40 })).data).not.toBeNull();
  }, 30_000);
});
