import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

/** A path of the dialect, with the header of Vault's clients. */
const ask = (stack: VaultStack, path: string, who?: Somebody, method = 'GET', body?: unknown) =>
  stack.call(`/v1/${path}`, {
    method,
    headers: who ? { 'x-vault-token': who.key } : {},
    ...(body !== undefined && { body }),
  });

describe('sealing in the words of Vault’s clients', () => {
  let stack: VaultStack;
  let operator: Somebody;
  let admin: Somebody;

  beforeAll(async () => {
    stack = await startVaultStack();
    operator = await stack.somebody('main', 'operator', ['admin']);
    admin = await stack.somebody('acme', 'admin-1', ['admin']);
  });

  afterAll(() => stack?.stop());

  it('is the operator’s alone, reaches everything, and is told to everybody', async () => {
    const secret = 'secret/data/production/A';
    expect((await ask(stack, secret, admin, 'POST', { data: { a: 'b' } })).status).toBe(200);
    expect((await ask(stack, 'sys/seal', undefined, 'PUT')).status).toBe(403);
    expect((await ask(stack, 'sys/seal', admin, 'PUT')).status).toBe(403);
    expect((await ask(stack, 'sys/seal-status')).body).toMatchObject({
      sealed: false,
      initialized: true,
      type: 'file',
    });
    expect((await ask(stack, 'sys/seal', operator, 'PUT')).status).toBe(204);
    expect((await ask(stack, 'sys/seal-status')).body).toMatchObject({ sealed: true });
    expect((await ask(stack, 'sys/health')).status).toBe(503);
    const refused = await ask(stack, secret, admin);
    expect([refused.status, refused.body]).toEqual([503, { errors: [expect.stringContaining('sealed')] }]);
    // Who may open it without shares is asked at another address.
    const unseal = await ask(stack, 'sys/unseal', undefined, 'PUT', { key: 'anything' });
    expect([unseal.status, (await ask(stack, 'sys/seal-status')).body.sealed]).toEqual([400, true]);
    const opened = await stack.call('/api/v1/vault/seal/unseal', { key: operator.key, method: 'POST' });
    expect([opened.status, opened.body.sealed]).toEqual([200, false]);
    expect((await ask(stack, secret, admin)).body.data.data).toEqual({ a: 'b' });
  });
});

describe('a vault that people open with shares', () => {
  let stack: VaultStack;
  let operator: Somebody;

  beforeAll(async () => {
    stack = await startVaultStack({ SEAL: 'shamir' });
    operator = await stack.somebody('main', 'operator', ['admin']);
  });

  afterAll(() => stack?.stop());

  it('is initialized once, by an operator, and opened by as many as agreed', async () => {
    expect((await ask(stack, 'sys/health')).status).toBe(501);
    const wanted = { secret_shares: 3, secret_threshold: 2 };
    expect((await ask(stack, 'sys/init', undefined, 'PUT', wanted)).status).toBe(403);
    const made = await ask(stack, 'sys/init', operator, 'PUT', wanted);
    expect([made.status, made.body.keys.length, made.body.root_token]).toEqual([200, 3, '']);
    expect((await ask(stack, 'sys/init', operator, 'PUT', wanted)).status).toBeGreaterThanOrEqual(400);
    const [first, , third] = made.body.keys as string[];
    expect((await ask(stack, 'sys/unseal', undefined, 'PUT', { key: first })).body).toMatchObject({
      ...{ sealed: true, t: 2, n: 3, progress: 1 },
    });
    expect((await ask(stack, 'sys/unseal', undefined, 'PUT', { key: 'no-share' })).status).toBe(400);
    expect((await ask(stack, 'sys/unseal', undefined, 'PUT', { reset: true })).status).toBe(400);
    expect((await ask(stack, 'sys/unseal', undefined, 'POST', { key: third })).body).toMatchObject({ sealed: false });
    await waitFor(async () => (await ask(stack, 'sys/health')).status === 200, { message: 'the vault is open' });
    const data = { data: { a: 'b' } };
    expect((await ask(stack, 'secret/data/x', operator, 'POST', data)).status).toBe(200);
  });
});
