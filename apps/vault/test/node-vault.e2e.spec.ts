import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import NodeVault from 'node-vault';
import { startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let endpoint: string;
let key: string;
let client: NodeVault.client;

beforeAll(async () => {
  stack = await startVaultStack();
  const ann = await stack.somebody('acme', 'ann', ['admin']);
  endpoint = await stack.service.app.getUrl();
  key = ann.key;
});

// The client goes on with every token that it is given, also by a call that makes one for somebody else.
const withKey = () => NodeVault({ endpoint, token: key });

beforeEach(() => {
  client = withKey();
});

afterAll(() => stack?.stop());

const failure = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (refused: Error & { response?: { statusCode: number; body: unknown } }) => refused,
  );
  return { status: error?.response?.statusCode, message: error?.message, body: error?.response?.body };
};

/* The client of npm as it is published, against the vault as it runs. */

describe('node-vault, with versions of secrets,', () => {
  it('writes and reads versions', async () => {
    const written = await client.write('secret/data/app/DATABASE_URL', { data: { value: 'one', port: 5432 } });
    expect(written.data).toEqual({
      created_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      custom_metadata: null,
      deletion_time: '',
      destroyed: false,
      version: 1,
    });
    await client.write('secret/data/app/DATABASE_URL', { data: { value: 'two', list: [1.5, true, null, { a: 'ü' }] } });
    const { data } = await client.read('secret/data/app/DATABASE_URL');
    expect(data.data).toEqual({ value: 'two', list: [1.5, true, null, { a: 'ü' }] });
    expect(data.metadata.version).toBe(2);
    expect((await client.read('secret/data/app/DATABASE_URL?version=1')).data.data).toEqual({
      value: 'one',
      port: 5432,
    });
    expect(await failure(client.read('secret/data/app/DATABASE_URL?version=9'))).toMatchObject({ status: 404 });
  });

  it('writes only over the version that it has seen', async () => {
    const at = 'secret/data/app/CAS';
    const mismatch = { status: 400, message: 'check-and-set parameter did not match the current version' };
    await client.write(at, { options: { cas: 0 }, data: { value: 'a' } });
    expect(await failure(client.write(at, { options: { cas: 0 }, data: { value: 'b' } }))).toMatchObject(mismatch);
    expect(await failure(client.write(at, { options: { cas: 7 }, data: { value: 'b' } }))).toMatchObject(mismatch);
    expect((await client.write(at, { options: { cas: 1 }, data: { value: 'b' } })).data.version).toBe(2);
  });

  it('patches', async () => {
    const at = 'secret/data/app/PATCHED';
    await client.write(at, { data: { keep: 'k', change: 'c', remove: 'r' } });
    const patched = await client.update(at, { data: { change: 'd', remove: null }, options: { cas: 1 } });
    expect(patched.data.version).toBe(2);
    expect((await client.read(at)).data.data).toEqual({ keep: 'k', change: 'd' });
    expect(await failure(client.update(at, { data: { a: 1 }, options: { cas: 1 } }))).toMatchObject({ status: 400 });
    expect(await failure(client.update('secret/data/app/NONE', { data: { a: 1 } }))).toMatchObject({ status: 404 });
  });

  it('deletes, restores and destroys versions', async () => {
    const at = 'secret/data/app/GONE';
    for (const value of ['1', '2', '3']) await client.write(at, { data: { value } });
    await client.delete(at);
    const { status, body } = await failure(client.read(at));
    expect(status).toBe(404);
    expect(body).toMatchObject({ data: { data: null, metadata: { version: 3, destroyed: false } } });
    expect((body as { data: { metadata: { deletion_time: string } } }).data.metadata.deletion_time).not.toBe('');
    await client.write('secret/undelete/app/GONE', { versions: [3] });
    expect((await client.read(at)).data.data).toEqual({ value: '3' });
    await client.write('secret/delete/app/GONE', { versions: [1, 2] });
    expect(await failure(client.read(`${at}?version=1`))).toMatchObject({ status: 404 });
    await client.destroySecretVersions({ path: 'app/GONE', versions: [1] });
    await client.write('secret/undelete/app/GONE', { versions: [1, 2] });
    expect(await failure(client.read(`${at}?version=1`))).toMatchObject({
      status: 404,
      body: { data: { data: null, metadata: { destroyed: true } } },
    });
    expect((await client.read(`${at}?version=2`)).data.data).toEqual({ value: '2' });
  });

  it('reads and writes metadata', async () => {
    const at = 'secret/metadata/app/META';
    await client.write('secret/data/app/META', { data: { value: 'x' } });
    const change = {
      max_versions: 2,
      cas_required: false,
      delete_version_after: '720h',
      custom_metadata: { owner: 'a' },
    };
    await client.write(at, change);
    await client.write('secret/data/app/META', { data: { value: 'y' } });
    const { data } = await client.read(at);
    expect(data).toMatchObject({ ...change, delete_version_after: '720h0m0s', current_version: 2 });
    expect(data.versions['2']).toEqual({
      created_time: data.updated_time,
      deletion_time: expect.stringMatching(/Z$/),
      destroyed: false,
    });
    await client.update(at, { custom_metadata: { owner: null, team: 'b' } });
    expect((await client.read(at)).data.custom_metadata).toEqual({ team: 'b' });
    await client.delete(at);
    expect(await failure(client.read(at))).toMatchObject({ status: 404, body: { errors: [] } });
    expect(await failure(client.read('secret/data/app/META'))).toMatchObject({ status: 404, body: { errors: [] } });
  });

  it('lists by the method LIST and by GET', async () => {
    for (const path of ['lists/a', 'lists/b', 'lists/b/c', 'lists/d/e/f'])
      await client.write(`secret/data/${path}`, { data: { value: path } });
    const keys = ['a', 'b', 'b/', 'd/'];
    expect((await client.list('secret/metadata/lists')).data.keys).toEqual(keys);
    expect((await client.list('secret/metadata/lists/')).data.keys).toEqual(keys);
    expect((await client.list('secret/metadata')).data.keys).toEqual(['app/', 'lists/']);
    expect((await client.list('secret/metadata/')).data.keys).toEqual(['app/', 'lists/']);
    const byGet = NodeVault({ endpoint: client.endpoint, token: client.token, noCustomHTTPVerbs: true });
    expect((await byGet.list('secret/metadata/lists')).data.keys).toEqual(keys);
    expect(await failure(client.list('secret/metadata/none'))).toMatchObject({ status: 404, body: { errors: [] } });
  });

  it('reads and writes the settings of all secrets', async () => {
    await client.write('secret/config', { max_versions: 5, delete_version_after: '0s', cas_required: false });
    expect((await client.read('secret/config')).data).toEqual({
      max_versions: 5,
      delete_version_after: '0s',
      cas_required: false,
    });
  });

  it('sees the mounts', async () => {
    expect((await client.mounts())['secret/']).toMatchObject({ type: 'kv', options: { version: '2' } });
  });
});

describe('node-vault, with tokens and logins,', () => {
  it('makes an AppRole, and logs in with it', async () => {
    await client.addApproleRole({
      role_name: 'npm',
      policies: 'default',
      secret_id_num_uses: 5,
      token_ttl: 600,
      period: 0,
    });
    expect((await client.approleRoles()).data.keys).toEqual(['npm']);
    expect((await client.getApproleRole({ role_name: 'npm' })).data.token_ttl).toBe(600);
    const { data: role } = await client.getApproleRoleId({ role_name: 'npm' });
    const { data: made } = await client.getApproleRoleSecret({
      role_name: 'npm',
      metadata: '{"from": "npm"}',
      cidr_list: [],
    });
    expect((await client.approleSecretAccessors({ role_name: 'npm' })).data.keys).toEqual([made.secret_id_accessor]);
    const looked = await client.approleSecretLookup({ role_name: 'npm', secret_id: made.secret_id });
    expect(looked.data.secret_id_num_uses).toBe(5);

    const program = NodeVault({ endpoint });
    const { auth } = await program.approleLogin({ role_id: role.role_id, secret_id: made.secret_id });
    expect(auth).toMatchObject({ token_type: 'service', lease_duration: 600, renewable: true });
    // The client goes on with the token of the login.
    expect(program.token).toBe(auth.client_token);
    expect((await program.tokenLookupSelf()).data).toMatchObject({ accessor: auth.accessor, meta: { from: 'npm' } });
    await client.approleSecretAccessorDestroy({ role_name: 'npm', secret_id_accessor: made.secret_id_accessor });
    await expect(
      NodeVault({ endpoint }).approleLogin({ role_id: role.role_id, secret_id: made.secret_id }),
    ).rejects.toThrow();
    await client.deleteApproleRole({ role_name: 'npm' });
    await expect(program.tokenLookupSelf()).rejects.toThrow('permission denied');
  });

  it('makes, looks up, renews and revokes tokens', async () => {
    const { auth } = await withKey().tokenCreate({
      ttl: '10m',
      display_name: 'npm',
      meta: { a: 'b' },
      num_uses: 0,
      renewable: true,
    });
    const holder = NodeVault({ endpoint, token: auth.client_token });
    expect((await holder.tokenLookupSelf()).data).toMatchObject({
      display_name: 'token-npm',
      meta: { a: 'b' },
      num_uses: 0,
    });
    expect((await holder.tokenRenewSelf({ increment: '20m' })).auth.lease_duration).toBe(1_200);
    expect((await client.tokenLookup({ token: auth.client_token })).data.accessor).toBe(auth.accessor);
    expect((await client.tokenLookupAccessor({ accessor: auth.accessor })).data.path).toBe('auth/token/create');
    expect((await withKey().tokenRenew({ token: auth.client_token, increment: 60 })).auth.lease_duration).toBe(60);
    await holder.tokenRevokeSelf();
    await expect(holder.tokenLookupSelf()).rejects.toThrow('permission denied');
    const { auth: other } = await withKey().tokenCreate();
    await client.tokenRevoke({ token: other.client_token });
    const { auth: last } = await withKey().tokenCreate();
    await client.tokenRevokeAccessor({ accessor: last.accessor });
    for (const { client_token: token } of [other, last])
      await expect(NodeVault({ endpoint, token }).tokenLookupSelf()).rejects.toThrow('permission denied');
    expect((await client.tokenLookupSelf()).data.type).toBe('service');
  });

  it('wraps, looks at, wraps again and unwraps', async () => {
    const asked = { headers: { 'X-Vault-Wrap-TTL': '60s' } };
    const { wrap_info: first } = await client.write('sys/wrapping/wrap', { user: 'ann', pass: 'x' }, asked);
    const { data } = await client.write('sys/wrapping/lookup', { token: first.token });
    expect(data).toMatchObject({ creation_path: 'sys/wrapping/wrap', creation_ttl: 60 });
    const { wrap_info: second } = await client.write('sys/wrapping/rewrap', { token: first.token });
    await expect(client.unwrap({ token: first.token })).rejects.toThrow(
      'wrapping token is not valid or does not exist',
    );
    expect((await NodeVault({ endpoint, token: second.token }).unwrap()).data).toEqual({ user: 'ann', pass: 'x' });
    await expect(client.unwrap({ token: second.token })).rejects.toThrow(
      'wrapping token is not valid or does not exist',
    );
  });
});
