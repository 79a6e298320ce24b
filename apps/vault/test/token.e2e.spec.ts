import { connectBus, serve } from '@gatehouse/bus';
import { observe } from '@gatehouse/contracts';
import { startService } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { vaultService } from '../src/app.module.js';
import { eventsOf, everythingStored, vault } from './dialect-client.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;
let ann: Somebody;
let eve: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'boss', ['admin']);
  ann = await stack.somebody('acme', 'ann', ['developer']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
});

afterAll(() => stack?.stop());

const create = async (token: string, body: object = {}) => vault(stack, 'PUT', 'auth/token/create', { token }, body);
const made = async (token: string, body: object = {}): Promise<{ client_token: string; accessor: string }> => {
  const answer = await create(token, body);
  expect([answer.status, answer.body?.errors]).toEqual([200, undefined]);
  return answer.body.auth;
};
const self = (token: string) => vault(stack, 'GET', 'auth/token/lookup-self', { token });
const isLive = async (token: string) => (await self(token)).status === 200;

describe('lookup-self', () => {
  it('of a key: the three members that External Secrets Operator asks for, without an end', async () => {
    const { status, body } = await self(ann.key);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ type: 'service', ttl: 0, expire_time: null, id: ann.keyId, accessor: ann.keyId });
    expect(body.data).toMatchObject({ path: expect.any(String), meta: {}, display_name: 'ann', num_uses: 0 });
  });

  it('of a token: what its maker wrote on it', async () => {
    const { client_token: token, accessor } = await made(ann.key, {
      ...{ ttl: '90m', display_name: 'ci', meta: { job: 'deploy' }, policies: ['default', 'secret.read'] },
    });
    const { data } = (await self(token)).body;
    expect(data).toMatchObject({
      ...{ type: 'service', id: token, accessor, creation_ttl: 5_400, renewable: true, orphan: true, num_uses: 0 },
      ...{ display_name: 'token-ci', meta: { job: 'deploy' }, policies: ['default', 'secret.read'] },
      ...{ entity_id: 'service/ann', path: 'auth/token/create' },
    });
    expect(data.ttl).toBeGreaterThan(5_300);
    expect(Date.parse(data.expire_time)).toBeGreaterThan(Date.now() + 5_300_000);
  });
});

describe('a new token', () => {
  it('is 40 bytes behind gvt_, and acts as its maker in the decisions it causes', async () => {
    const { client_token: token, accessor } = await made(ann.key);
    expect(token).toMatch(/^gvt_[A-Za-z0-9_-]{53}[AQgw]$/);
    await made(token);
    const { rows } = await stack.superuser.query(
      `select from policy.events where tenant_id = 'acme' and envelope::text like '%token.create%' and envelope::text like $1`,
      [`%${accessor}%`],
    );
    expect(rows.length).toBeGreaterThan(0);
  });

  it('is the credential that disclosures name', async () => {
    const { client_token: token, accessor } = await made(admin.key);
    expect((await vault(stack, 'PUT', 'secret/data/named', { token }, { data: { a: '1' } })).status).toBe(200);
    expect((await vault(stack, 'GET', 'secret/data/named', { token })).status).toBe(200);
    const disclosures = () => stack.call(`/api/v1/vault/disclosures?credential=${accessor}`, { key: admin.key });
    const listed = async () => (await disclosures()).body.disclosures.length === 1;
    await waitFor(listed, { message: 'the read is listed' });
  });

  it('has no scope that its maker lacks, and its children none that it lacks', async () => {
    const { client_token: token } = await made(ann.key, { policies: ['secret.read', 'token.create'] });
    expect((await create(token, { policies: ['secret.*'] })).status).toBe(403);
    expect((await create(token, { policies: ['*'] })).status).toBe(403);
    const child = await made(token);
    expect((await self(child.client_token)).body.data.policies).toEqual(['default', 'secret.read', 'token.create']);
    const narrow = await made(token, { policies: ['secret.read'] });
    // Policy weighs the scopes of the token that asks.
    expect((await create(narrow.client_token)).status).toBe(403);
  });

  it('ends no later than what it was made with', async () => {
    const parent = await made(ann.key, { explicit_max_ttl: '10m', ttl: '5m' });
    const child = await made(parent.client_token, { ttl: '24h' });
    const { data } = (await self(child.client_token)).body;
    expect(data.ttl).toBeLessThanOrEqual(300);
    expect(data.orphan).toBe(false);
    const renewed = await vault(
      stack,
      'PUT',
      'auth/token/renew-self',
      { token: child.client_token },
      { increment: '24h' },
    );
    expect(renewed.body.auth.lease_duration).toBeLessThanOrEqual(300);
    expect(renewed.body.auth.client_token).toBe(child.client_token);
  });

  it.each([
    ['the name of a policy that is no action pattern', { policies: ['root'] }],
    ['an orphan', { no_parent: true }],
    ['a batch token', { type: 'batch' }],
    ['a period', { period: '1h' }],
    ['a time beyond the bound', { ttl: '800h' }],
    ['a negative time', { ttl: -1 }],
    ['an id that the caller chose', { id: 'gvt_mine' }],
    ['labels without end', { meta: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) }],
  ])('is refused as %s', async (_name, body) => {
    const answer = await create(ann.key, body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.length).toBeGreaterThan(0);
  });

  it('asks for a decision', async () => {
    const nobody = await stack.somebody('acme', 'viewer-only', ['viewer']);
    expect((await create(nobody.key)).status).toBe(403);
  });
});

describe('a token ends', () => {
  it('when it is revoked, with every token that was made with it', async () => {
    const parent = await made(ann.key);
    const child = await made(parent.client_token);
    const grandchild = await made(child.client_token);
    const sibling = await made(ann.key);
    expect(await isLive(grandchild.client_token)).toBe(true);
    expect((await vault(stack, 'PUT', 'auth/token/revoke-self', { token: parent.client_token })).status).toBe(204);
    for (const { client_token: token } of [parent, child, grandchild]) expect(await isLive(token)).toBe(false);
    expect(await isLive(sibling.client_token)).toBe(true);
    const revoked = await eventsOf(stack, 'acme', 'token.revoked');
    expect(revoked.at(-1)).toMatchObject({ data: { tokenId: parent.accessor }, actor: { type: 'service', id: 'ann' } });
  });

  it('on every replica at once', async () => {
    const other = await startService(vaultService, stack.env);
    try {
      const { client_token: token } = await made(ann.key);
      const there = () => vault(stack, 'GET', 'auth/token/lookup-self', { token, at: other });
      await waitFor(async () => (await there()).status === 200, { message: 'the other replica takes the token' });
      await vault(stack, 'PUT', 'auth/token/revoke-self', { token });
      await waitFor(async () => (await there()).status === 403, {
        timeoutMs: 2_000,
        message: 'the other replica refuses',
      });
    } finally {
      await other.stop();
    }
  });

  it('with the key it was made with (P6), and so do its children', async () => {
    const bob = await stack.somebody('acme', 'bob', ['developer']);
    const { client_token: token } = await made(bob.key);
    const child = await made(token);
    await stack.identity.publish('acme', 'key.disabled', { keyId: bob.keyId });
    await waitFor(async () => !(await isLive(token)), { message: 'the token of a disabled key is refused' });
    expect(await isLive(child.client_token)).toBe(false);
  });

  it('when its uses are used up: of many at once, exactly as many get in', async () => {
    const { client_token: token } = await made(ann.key, { num_uses: 7 });
    const answers = await Promise.all(Array.from({ length: 30 }, () => self(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(23);
  });

  it('and one with bounded uses makes no others, which would have more', async () => {
    const { client_token: token } = await made(ann.key, { num_uses: 5 });
    expect((await create(token)).status).toBe(403);
  });
});

describe('tokens of others', () => {
  it('are looked up, renewed and revoked by text or accessor, each with a decision', async () => {
    const { client_token: token, accessor } = await made(ann.key, { ttl: 600 });
    const by = (verb: string, body: object, caller = admin) =>
      vault(stack, 'PUT', `auth/token/${verb}`, { token: caller.key }, body);
    expect((await by('lookup', { token })).body.data).toMatchObject({ id: token, accessor });
    expect((await by('lookup-accessor', { accessor })).body.data).toMatchObject({ id: '', accessor });
    expect((await by('renew', { token, increment: 60 })).body.auth.lease_duration).toBeLessThanOrEqual(60);
    expect((await by('renew-accessor', { accessor })).body.auth.client_token).toBe('');
    for (const verb of ['lookup', 'renew', 'revoke']) {
      expect((await by(verb, { token }, ann)).status).toBe(403);
      expect((await by(`${verb}-accessor`, { accessor }, ann)).status).toBe(403);
    }
    expect(await isLive(token)).toBe(true);
    expect((await by('revoke-accessor', { accessor })).status).toBe(204);
    expect(await isLive(token)).toBe(false);
  });

  it('of another tenant are not there, by text or accessor, and open nothing in it', async () => {
    const { client_token: token, accessor } = await made(ann.key);
    for (const verb of ['lookup', 'renew', 'revoke']) {
      for (const [suffix, body] of [
        ['', { token }],
        ['-accessor', { accessor }],
      ] as const)
        expect((await vault(stack, 'PUT', `auth/token/${verb}${suffix}`, { token: eve.key }, body)).status).toBe(403);
    }
    expect(await isLive(token)).toBe(true);
    expect((await vault(stack, 'GET', 'auth/token/lookup-self', { token, namespace: 'globex' })).status).toBe(403);
  });
});

describe('what is no token', () => {
  it.each([
    ['a made-up one', `gvt_${'A'.repeat(54)}`],
    ['a short one', 'gvt_AAAA'],
    ['one of another family', `gvw_${'A'.repeat(54)}`],
  ])('%s is denied', async (_name, token) => {
    expect((await self(token)).body).toEqual({ errors: ['permission denied'] });
  });

  it('one letter changed anywhere is denied', async () => {
    const { client_token: token } = await made(ann.key);
    for (const at of [4, 20, 40, 46, 50, 56]) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(await isLive(token.slice(0, at) + other + token.slice(at + 1))).toBe(false);
    }
  });

  it('is not renewed or revoked here: keys live in identity', async () => {
    for (const verb of ['renew-self', 'revoke-self'])
      expect((await vault(stack, 'PUT', `auth/token/${verb}`, { token: ann.key })).status).toBe(400);
  });

  it('opens no route of our own API', async () => {
    const { client_token: token } = await made(ann.key);
    expect((await stack.call('/api/v1/vault/whoami', { key: token })).status).toBe(401);
  });
});

describe('a canary', () => {
  it('no token stands in any table or event', async () => {
    const { client_token: token } = await made(ann.key, { meta: { note: 'canary-of-the-test' } });
    await self(token);
    const stored = await everythingStored(stack);
    expect(stored).toContain('canary-of-the-test');
    expect(stored).not.toContain(token.slice(4));
    expect(stored).not.toContain(ann.key.slice(4));
    const events = await stack.superuser.query('select envelope::text as text from vault.events');
    expect(JSON.stringify(events.rows)).not.toContain('canary-of-the-test');
  });
});

describe('the use of a token', () => {
  it('is no use of a key that identity is told of', async () => {
    const nc = await connectBus({ servers: stack.nats.url, user: 'identity' });
    const used = new Set<string>();
    const identity = serve(nc, observe, async ({ uses }) => {
      for (const { keyId } of uses) used.add(keyId);
      return { taken: uses.length };
    });
    try {
      const { client_token: token, accessor } = await made(ann.key);
      expect(await isLive(token)).toBe(true);
      // Whoever stops tells the rest.
      await stack.restart();
      expect(used).toContain(ann.keyId);
      expect(used).not.toContain(accessor);
    } finally {
      identity.unsubscribe();
      await nc.close();
    }
  });
});
