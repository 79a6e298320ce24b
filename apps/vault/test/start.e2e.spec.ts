import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;

beforeAll(async () => {
  stack = await startVaultStack();
}, 240_000);

afterAll(() => stack?.stop());

describe('the vault', () => {
  it('is ready, and knows its callers', async () => {
    // Readiness is remembered for a moment: the one from before the seal opened may still be told.
    await waitFor(async () => (await stack.call('/readyz')).status === 200, { message: 'the vault is ready' });
    expect((await stack.call('/api/v1/vault/whoami')).status).toBe(401);
    const ann = await stack.somebody('acme', 'ann', ['developer']);
    expect((await stack.call('/api/v1/vault/whoami', { key: ann.key })).body).toEqual({
      type: 'service',
      id: 'ann',
      tenantId: 'acme',
    });
  }, 30_000);
});
