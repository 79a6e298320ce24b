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
}, 180_000);

// The client goes on with every token that it is given, also by a call that makes one for somebody else.
const withKey = () => NodeVault({ endpoint, token: key });

beforeEach(() => {
  client = withKey();
});

afterAll(() => stack?.stop());

/** The client of npm as it is published, against the vault as it runs. */
describe('node-vault', () => {
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
