import { rmSync } from 'node:fs';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let operator: Somebody;
let admin: Somebody;
let developer: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  operator = await stack.somebody('main', 'operator', ['admin']);
  admin = await stack.somebody('acme', 'admin', ['admin']);
  developer = await stack.somebody('acme', 'dev', ['developer']);
}, 240_000);
afterAll(() => stack?.stop());

const seal = '/api/v1/vault/seal';
const tenantSeal = '/api/v1/vault/tenant-seal';
const post = (path: string, { key }: Somebody, body?: unknown) => stack.call(path, { key, method: 'POST', body });

async function restart(): Promise<void> {
  await stack.restart();
  const known = async () => (await stack.call('/api/v1/vault/whoami', { key: operator.key })).status === 200;
  await waitFor(known, { message: 'the vault knows its callers again' });
}

describe('the routes of the seal', () => {
  it("are the operator's tenant's alone", async () => {
    expect((await stack.call(seal)).status).toBe(401);
    const routes: [string, string][] = [
      ['GET', seal],
      ['POST', seal],
      ['POST', `${seal}/unseal`],
      ['POST', `${seal}/init`],
      ['POST', `${seal}/rekey`],
      ['GET', '/api/v1/vault/root-key'],
      ['POST', '/api/v1/vault/root-key/rotate'],
    ];
    for (const [method, path] of routes) {
      expect([path, (await stack.call(path, { method, key: developer.key })).status]).toEqual([path, 403]);
      expect([path, (await stack.call(path, { method, key: admin.key })).status]).toEqual([path, 404]);
    }
    expect((await stack.call('/readyz')).status).toBe(200);
  });

  it('say what there is, and answer no key', async () => {
    const { status, body } = await stack.call(seal, { key: operator.key });
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ initialized: true, sealed: false, kind: 'file', threshold: 0, problem: null }),
    ]);
    const { body: roots } = await stack.call('/api/v1/vault/root-key', { key: operator.key });
    expect(roots.keys).toEqual([{ id: expect.stringMatching(/^[0-9a-f]{16}$/), active: true, seal: 'file' }]);
    expect(roots.held).toEqual([roots.keys[0].id]);
    expect((await post(`${seal}/init`, operator, {})).body.code).toBe('initializes_itself');
  });

  it('seal: 503 for what needs a key, alive, not ready; a restart changes nothing; unsealing does', async () => {
    expect((await post(seal, operator)).body.sealed).toBe(true);
    expect((await stack.call('/livez')).status).toBe(200);
    // Readiness is looked at anew every second.
    await waitFor(async () => (await stack.call('/readyz')).status === 503, { message: 'not ready' });
    expect(JSON.stringify((await stack.call('/readyz')).body)).toContain('sealed');
    const refused = await post('/api/v1/vault/tenant-key/rotate', admin);
    expect(refused).toMatchObject({ status: 503, body: { code: 'sealed' } });
    expect(refused.headers.get('retry-after')).toBe('5');
    await restart();
    expect((await stack.call(seal, { key: operator.key })).body).toMatchObject({ initialized: true, sealed: true });
    expect((await post(`${seal}/unseal`, operator)).body.sealed).toBe(false);
    expect((await post('/api/v1/vault/tenant-key/rotate', admin)).status).toBe(202);
  });

  it('rotate the root key in the background', async () => {
    const before = (await stack.call('/api/v1/vault/root-key', { key: operator.key })).body.held;
    const { status, body } = await post('/api/v1/vault/root-key/rotate', operator);
    expect(status).toBe(202);
    expect((await post('/api/v1/vault/root-key/rotate', operator)).body.code).toBe('rotation_running');
    const held = async () => (await stack.call('/api/v1/vault/root-key', { key: operator.key })).body.held;
    await waitFor(async () => (await held()).join() === body.id, { timeoutMs: 40_000, message: 'one root key' });
    expect(before).not.toContain(body.id);
  });

  it('refuse what has no form, and never repeat it', async () => {
    for (const body of [{ share: 'gsh_secret' }, { share: 7 }, { shares: 2 }, []]) {
      const answer = await post(`${seal}/unseal`, operator, body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
      expect(answer.text).not.toContain('gsh_secret');
    }
    for (const body of [{ shares: 1 }, { shares: 33 }, { shares: 2.5, threshold: 2 }])
      expect((await post(`${seal}/rekey`, operator, body)).status).toBe(400);
  });
});

describe('the seal of a tenant', () => {
  it("is its administrators', takes a key that was answered before, and leaves others alone", async () => {
    expect((await post(`${tenantSeal}/key`, developer)).status).toBe(403);
    expect((await stack.call(tenantSeal, { key: admin.key })).body).toEqual({ sealed: false });
    const { status, body } = await post(`${tenantSeal}/key`, admin);
    expect(status).toBe(201);
    expect((await post(tenantSeal, admin, {})).status).toBe(400);
    const sealed = await post(tenantSeal, admin, body);
    expect(sealed).toMatchObject({ status: 200, body: { sealed: true, wrongAttempts: 0 } });
    const refused = await post('/api/v1/vault/tenant-key/rotate', admin);
    expect(refused).toMatchObject({ status: 503, body: { code: 'tenant_sealed' } });
    expect((await post('/api/v1/vault/tenant-key/rotate', operator)).status).toBe(202);
    const wrong = { unsealKey: `gus_${'A'.repeat(43)}` };
    const remove = (given: unknown) => stack.call(tenantSeal, { key: admin.key, method: 'DELETE', body: given });
    const answer = await remove(wrong);
    expect(answer).toMatchObject({ status: 403, body: { code: 'unseal_key_wrong' } });
    expect(answer.text).not.toContain(wrong.unsealKey);
    expect(await remove(body)).toMatchObject({ status: 200, body: { sealed: false } });
    const { rows } = await stack.superuser.query(`select string_agg(envelope, ' ') as log from vault.events`);
    expect(rows[0].log).toContain('tenant.unsealed');
    expect(rows[0].log).not.toContain(body.unsealKey.slice(4));
  });
});

describe('a vault without its seal file', () => {
  it('answers that it is sealed, lives, and says why to its operator', async () => {
    rmSync(stack.env.SEAL_KEY_FILE as string);
    await restart();
    expect((await stack.call('/livez')).status).toBe(200);
    expect((await post('/api/v1/vault/tenant-key/rotate', admin)).body.code).toBe('sealed');
    const problem = async () => (await stack.call(seal, { key: operator.key })).body.problem;
    await waitFor(async () => String(await problem()).includes('does not exist'), { message: 'why it is sealed' });
    expect((await stack.call(seal, { key: operator.key })).body).toMatchObject({ initialized: true, sealed: true });
  });
});
