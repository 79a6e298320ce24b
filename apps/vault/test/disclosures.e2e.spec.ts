import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secrets } from '../src/secret/secrets.js';
import { askerOf } from './asker.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

const leaked = 'canary-hunter22-value';
const path = 'production/DATABASE_URL';

let stack: VaultStack;
let admin: Somebody;
let reader: Somebody;
let viewer: Somebody;
let stranger: Somebody;

const secrets = () => stack.service.app.get(Secrets, { strict: false });
const askerWithKey = (who: Somebody) => {
  const { caller, request } = askerOf(who);
  return { caller: { ...caller, keyId: who.keyId }, request };
};
const get = (route: string, who = admin) => stack.call(`/api/v1/vault/${route}`, { key: who.key });
const find = (text: string, who = admin) => stack.call('/api/v1/vault/find', { key: who.key, body: { text } });

const listed = (query: string, count: number) =>
  waitFor(
    async () => {
      const { body } = await get(`disclosures?${query}`);
      return body.disclosures.length >= count && body;
    },
    { message: `${count} disclosures of ${query}` },
  );

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
  reader = await stack.somebody('acme', 'ci', ['maintainer']);
  viewer = await stack.somebody('acme', 'developer-07', ['viewer']);
  stranger = await stack.somebody('globex', 'admin-2', ['admin']);
  await secrets().write(askerOf(admin), path, { value: leaked }, { customMetadata: { rotate: 'value:32' } });
  await secrets().write(askerOf(admin), 'production/THIRD_PARTY', { user: 'app', token: 'third-party-token' });
  await secrets().read(askerWithKey(reader), path);
  await secrets().read(askerWithKey(reader), path);
  await secrets().read(askerOf(reader), 'production/THIRD_PARTY');
  await expect(secrets().read(askerOf(viewer), path)).rejects.toMatchObject({ code: 'forbidden' });
  await listed('', 4);
});

afterAll(() => stack?.stop());

describe('who was given what', () => {
  it('is taken from what the vault had recorded; what else is in the log of policy is passed unread', async () => {
    const { state } = stack.service.platform.inboxes.find(({ name }) => name === 'vault_disclosures') ?? {};
    const { rows } = await stack.superuser.query(
      `select count(*)::int as all, count(*) filter (where envelope like '{"actor":{"id":"vault",%')::int as vaults
       from policy.events`,
    );
    expect(rows[0].vaults).toBeLessThan(rows[0].all);
    expect(state?.applied).toBeGreaterThanOrEqual(4);
    expect(state?.applied).toBeLessThanOrEqual(rows[0].vaults);
  });

  it('is listed with caller, version, credential and decision, denied attempts in the words of the page', async () => {
    const { body } = await get(`disclosures?path=${path}`);
    expect(body.disclosures).toHaveLength(3);
    const [denied, allowed] = body.disclosures;
    expect(denied).toMatchObject({
      subject: { type: 'service', id: 'developer-07' },
      version: 1,
      decision: 'denied',
      summary: 'Actor developer-07 touched production/DATABASE_URL and the decision was denied.',
    });
    expect(allowed).toMatchObject({
      subject: { type: 'service', id: 'ci' },
      version: 1,
      decision: 'allowed',
      credential: reader.keyId,
    });
    expect(JSON.stringify(body)).not.toContain(leaked);
  });

  it('is filtered and paged, each row once', async () => {
    expect((await get('disclosures?decision=denied')).body.disclosures).toHaveLength(1);
    expect((await get(`disclosures?subject_id=ci&credential=${reader.keyId}`)).body.disclosures).toHaveLength(2);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer: { body: { disclosures: { decisionId: string }[]; nextCursor: string | null } } = await get(
        `disclosures?limit=1${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...answer.body.disclosures.map(({ decisionId }) => decisionId));
      cursor = answer.body.nextCursor;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expect((await get('disclosures?cursor=1.2')).status).toBe(400);
  });

  it('is told to no other tenant, and to nobody who may not read the record', async () => {
    expect((await get('disclosures', stranger)).body.disclosures).toEqual([]);
    expect((await get('disclosures', viewer)).status).toBe(403);
    expect((await get('blast-radius?subject_type=service&subject_id=ci', stranger)).body.secrets).toEqual([]);
  });

  it('is counted as what it is: values that left', async () => {
    expect((await get('exposure')).body).toMatchObject({ secrets: 2, exposed: 2, denied: 1, readers: 1, reads: 3 });
  });

  it('does not believe who only says that he is the vault', async () => {
    const asked = await fetch(`${stack.policy.address}/access/v1/evaluation`, {
      method: 'POST',
      headers: { authorization: `Bearer ${reader.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        subject: { type: 'service', id: 'mallory' },
        action: { name: 'secret.read' },
        resource: { type: 'secret', id: path },
      }),
    });
    expect(asked.status).toBe(200);
    await secrets().read(askerOf(admin), path);
    await listed('subject_id=admin-1', 1);
    expect((await get('disclosures?subject_id=mallory')).body.disclosures).toEqual([]);
  });
});

describe('a leaked string', () => {
  it('is found with name, version and readers, however it was copied', async () => {
    for (const text of [leaked, ` ${leaked}\n`, `PASSWORD="${leaked}"`, Buffer.from(leaked).toString('base64')]) {
      const { status, body } = await find(text);
      expect(status).toBe(200);
      const [match] = body.matches;
      expect(match).toMatchObject({ path, version: 1, state: 'current', destroyed: false });
      expect(match.readers).toContainEqual(
        expect.objectContaining({ subject: { type: 'service', id: 'ci' }, reads: 2, holds: true }),
      );
    }
  });

  it('that was never a secret is not, nor is that of another tenant, and nobody but who may find can ask', async () => {
    expect((await find('never-a-secret')).body).toEqual({ found: false, matches: [], more: false });
    expect((await find('abc')).body).toEqual({ found: false, matches: [], more: false });
    expect((await find(leaked, stranger)).body).toEqual({ found: false, matches: [], more: false });
    expect((await find(leaked, reader)).status).toBe(403);
    expect((await find('')).status).toBe(400);
  });

  it('is still found when the secret has been replaced, and when it is gone with all it had', async () => {
    const asker = askerOf(admin);
    await secrets().write(asker, 'billing/KEY', { value: 'billing-value-1' });
    await secrets().write(asker, 'billing/KEY', { value: 'billing-value-2' });
    expect((await find('billing-value-1')).body.matches).toEqual([
      expect.objectContaining({ version: 1, state: 'earlier' }),
    ]);
    await secrets().forget(asker, 'billing/KEY');
    expect((await find('billing-value-2')).body.matches).toEqual([
      expect.objectContaining({ path: 'billing/KEY', version: 2, state: 'gone' }),
    ]);
  });
});

describe('what a stolen identity knows', () => {
  const radius = async (query = '') => (await get(`blast-radius?subject_type=service&subject_id=ci${query}`)).body;
  const rotate = (body: object, who = admin) =>
    stack.call('/api/v1/vault/rotations', {
      key: who.key,
      body: { subject_type: 'service', subject_id: 'ci', ...body },
    });

  it('is every version it was given, by one credential if that was stolen, and in a span of time', async () => {
    expect(await radius()).toMatchObject({ toRotate: 2, refusals: 0, more: false });
    expect((await radius(`&credential=${reader.keyId}`)).secrets).toEqual([
      expect.objectContaining({ path, version: 1, state: 'current', reads: 2 }),
    ]);
    expect(await radius('&until=2020-01-01T00:00:00Z')).toMatchObject({ secrets: [], toRotate: 0 });
  });

  it('is replaced by one call where a value can be made, and the rest is named', async () => {
    expect((await rotate({ dry_run: true })).body.secrets).toEqual(
      expect.arrayContaining([
        { path, outcome: 'would_rotate', version: 1 },
        { path: 'production/THIRD_PARTY', outcome: 'needs_value', version: 1 },
      ]),
    );
    expect((await rotate({}, reader)).status).toBe(403);
    const { body } = await rotate({});
    expect(body.secrets).toContainEqual({ path, outcome: 'rotated', version: 2 });
    const { data } = await secrets().read(askerOf(admin), path);
    expect(data).toEqual({ value: expect.stringMatching(/^[A-Za-z0-9]{32}$/) });
    expect(await radius()).toMatchObject({ toRotate: 1 });
    expect((await find(leaked)).body.matches).toEqual([expect.objectContaining({ state: 'earlier' })]);
  });
});
