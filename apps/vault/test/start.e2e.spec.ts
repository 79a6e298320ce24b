import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;

beforeAll(async () => {
  stack = await startVaultStack();
}, 240_000);

afterAll(() => stack?.stop());

describe('the vault', () => {
  it('is ready, and knows its callers', async () => {
    expect((await stack.call('/readyz')).status).toBe(200);
    expect((await stack.call('/api/v1/vault/whoami')).status).toBe(401);
    const ann = await stack.somebody('acme', 'ann', ['developer']);
    expect((await stack.call('/api/v1/vault/whoami', { key: ann.key })).body).toEqual({
      type: 'service',
      id: 'ann',
      tenantId: 'acme',
    });
  }, 30_000);
});
