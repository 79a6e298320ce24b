import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { VersionChanges } from '../src/reference/changes/version-changes.js';
import { type Answer, type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ci: Somebody;
let stranger: Somebody;
let other: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  ci = await stack.somebody('acme', 'ci', ['admin']);
  stranger = await stack.somebody('acme', 'stranger', []);
  other = await stack.somebody('rival', 'ci', ['admin']);
  for (const path of ['production/DB', 'production/API', 'production/Twin', 'production/TWIN', 'TOP'])
    await write(path, 'v');
  await write('production/DB', 'theirs', other);
}, 300_000);
afterAll(() => stack?.stop(), 60_000);

const api = '/api/v1/vault';
const write = (path: string, value: string, who = ci) =>
  stack.call(`${api}/secrets/${path}`, { key: who.key, method: 'PUT', body: { value } });
const register = (consumer: string, body: object, query = 'scope=production', who = ci): Promise<Answer> =>
  stack.call(`${api}/consumers/${consumer}?${query}`, { key: who.key, method: 'PUT', body });
const get = (path: string, who = ci): Promise<Answer> => stack.call(`${api}/${path}`, { key: who.key });
const statesIn = ({ body }: Answer) =>
  (body.secrets as { path: string; state: string }[]).map(({ path, state }) => `${path} ${state}`);

describe('a consumer', () => {
  it('registers what its configuration references, and nothing else of that is kept', async () => {
    const config = { db: ['{{ secret.DB }}', { again: '{{ secret.DB }}' }], other: 'canary-of-a-configuration' };
    const answer = await register('application/shop', { config });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      consumer: { kind: 'application', id: 'shop', scope: 'production' },
      secrets: [
        {
          path: 'production/DB',
          reference: 'secret://acme/production/db',
          exists: true,
          currentVersion: 1,
          state: 'referenced',
          consumers: 1,
        },
      ],
      findings: [],
    });
    const { rows } = await stack.superuser.query(
      `select count(*)::int as count from vault.events where envelope like '%canary-of-a-configuration%'`,
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  it('may say it by name, by reference and by URI', async () => {
    const references = ['API', '{{ secret.DB }}', 'secret://acme/production/api', 'secret://acme/-/top'];
    const answer = await register('device/camera-1', { references });
    expect(statesIn(answer)).toEqual(['TOP referenced', 'production/API referenced', 'production/DB referenced']);
  });

  it.each<[string, object, string, string]>([
    ['a near miss', { config: { a: '{{ secrets.DB }}' } }, 'config.a', 'reference_plural'],
    ['an embedded reference', { config: { a: 'x{{ secret.DB }}' } }, 'config.a', 'reference_embedded'],
    ['a reference for a name', { config: { '{{ secret.DB }}': 1 } }, 'config["{{ secret.DB }}"]', 'reference_key'],
    ['an unknown name', { references: ['NONE'] }, 'secret.NONE', 'secret_unknown'],
    ['a name in other letters', { references: ['db'] }, 'secret.db', 'secret_unknown'],
    ['an unknown URI', { references: ['secret://acme/production/none'] }, 'secret.secret://', 'secret_unknown'],
    ['two that differ by case', { references: ['secret://acme/production/twin'] }, 'secret.secret://', 'ambiguous'],
    ['a secret of another tenant', { references: ['secret://rival/production/db'] }, 'secret.secret://', 'foreign'],
    ['no reference at all', { references: ['a-b'] }, 'references.0', 'reference_name'],
  ])('is refused with %s, and nothing is registered', async (_name, body, path, code) => {
    const answer = await register('configuration/wrong', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'references_wrong' } });
    expect(answer.body.errors).toHaveLength(1);
    expect(answer.body.errors[0].path).toContain(path);
    expect(answer.body.errors[0].message).toContain(code);
    expect((await get('consumers/configuration/wrong/changes?scope=production')).status).toBe(404);
  });

  it('may insist, or only ask', async () => {
    const body = { config: { a: '{{ secrets.DB }}', b: '{{ secret.LATER }}' } };
    const asked = await register('configuration/forced', body, 'scope=production&force=true&dryRun=true');
    expect(asked.body.findings).toHaveLength(2);
    expect((await get('references?secret=production/LATER')).body.consumers).toEqual([]);
    await register('configuration/forced', body, 'scope=production&force=true');
    const { body: users } = await get('references?secret=production/LATER');
    expect(users.consumers).toMatchObject([{ kind: 'configuration', id: 'forced', registeredBy: { id: 'ci' } }]);
    // Once it is written, it is the one that was meant.
    await write('production/LATER', 'v');
    const { body: overview } = await get('secrets-overview?prefix=production');
    expect(overview.secrets).toContainEqual(expect.objectContaining({ path: 'production/LATER', state: 'referenced' }));
  });

  it('is not for whoever may not list the scope, and not for another tenant', async () => {
    expect((await register('application/x', { references: ['DB'] }, 'scope=production', stranger)).status).toBe(403);
    expect((await get('references?secret=production/DB', stranger)).status).toBe(403);
    expect((await get('secrets-overview', stranger)).status).toBe(403);
    expect((await get('consumers/application/shop/changes?scope=production', stranger)).status).toBe(403);
    expect((await get('references?secret=production/DB', other)).body).toEqual({ consumers: [] });
    expect((await get('consumers/application/shop/changes?scope=production', other)).status).toBe(404);
  });

  it.each([
    ['a kind that there is not', 'spy/x'],
    ['an id that is none', 'application/a%20b'],
    ['a scope that leads elsewhere', 'application/x?scope=../x'],
  ])('is not %s', async (_name, consumer) => {
    const path = `${api}/consumers/${consumer}`;
    expect((await stack.call(path, { key: ci.key, method: 'PUT', body: {} })).status).toBe(400);
  });
});

describe('states', () => {
  it('go from sealed over referenced to mounted, and back', async () => {
    const stateOf = async () => {
      const { body } = await get('secrets-overview?prefix=production');
      return body.secrets.find(({ path }: { path: string }) => path === 'production/STATE')?.state;
    };
    await write('production/STATE', 'v');
    expect(await stateOf()).toBe('sealed');
    await register('application/states', { references: ['STATE'] });
    expect(await stateOf()).toBe('referenced');
    const report = (secrets: object[]) =>
      stack.call(`${api}/consumers/application/states/mounted?scope=production`, { key: ci.key, body: { secrets } });
    expect((await report([{ name: 'STATE', version: 1 }])).status).toBe(200);
    expect(await stateOf()).toBe('mounted');
    const { body } = await get('references?secret=production/STATE');
    expect(body.consumers).toMatchObject([{ id: 'states', mountedVersion: 1 }]);
    expect((await report([{ name: 'DB', version: 1 }])).status).toBe(400);
    const gone = { key: ci.key, method: 'DELETE' };
    expect((await stack.call(`${api}/consumers/application/states?scope=production`, gone)).status).toBe(204);
    expect(await stateOf()).toBe('sealed');
  });

  it('are listed a page at a time', async () => {
    const first = (await get('secrets-overview?limit=2')).body;
    expect(first.secrets).toHaveLength(2);
    const next = (await get(`secrets-overview?limit=2&cursor=${encodeURIComponent(first.nextCursor)}`)).body;
    expect(next.secrets[0].path > first.secrets[1].path).toBe(true);
  });
});

describe('a new version', () => {
  const changes = (query: string) => get(`consumers/application/follower/changes?scope=production&${query}`);

  it('is told to who references the secret, by name and number, and only once', async () => {
    await register('application/follower', { references: ['DB', 'API'] });
    const { position } = (await changes('')).body;
    expect((await changes(`after=${position}&wait=0`)).body.changes).toEqual([]);
    const waiting = changes(`after=${position}&wait=40`);
    await write('production/Twin', 'nobody asked');
    await write('production/DB', 'canary-of-a-change');
    const told = await waiting;
    expect(told.body.changes).toEqual([
      { path: 'production/DB', version: 2, writtenAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    expect(told.text).not.toContain('canary');
    const again = await changes(`after=${told.body.position}&wait=0`);
    expect(again.body.changes).toEqual([]);
  });

  it('is waited for within a bound, and the tenant that fills it is refused alone', async () => {
    const changes = stack.service.app.get(VersionChanges, { strict: false });
    const { position } = await changes.after('acme', new Map(), undefined, 0, new AbortController().signal);
    const end = new AbortController();
    const waitAs = (tenantId: string, waitMs: number) =>
      changes.after(tenantId, new Map(), position, waitMs, end.signal);
    const refused: Error[] = [];
    const many = Array.from({ length: 513 }, () =>
      waitAs('acme', 60_000).catch((error: Error) => {
        refused.push(error);
      }),
    );
    await waitFor(() => refused.length > 0, { message: 'one too many' });
    expect(await waitAs('rival', 1)).toMatchObject({ changes: [] });
    end.abort();
    await Promise.all(many);
    expect(refused).toMatchObject([{ code: 'unavailable' }]);
  });

  it('is missed by nobody who comes back with the position of before', async () => {
    const { position } = (await changes('')).body;
    for (let i = 0; i < 5; i++) await write(i % 2 ? 'production/DB' : 'production/API', `${i}`);
    const seen: string[] = [];
    let after = position;
    while (seen.length < 5) {
      const { body } = await changes(`after=${after}&wait=40`);
      seen.push(...body.changes.map(({ path, version }: { path: string; version: number }) => `${path}@${version}`));
      after = body.position;
    }
    expect(seen).toEqual(['API@2', 'DB@3', 'API@3', 'DB@4', 'API@4'].map((one) => `production/${one}`));
  });

  it.each(['x', '1', '1.2.3', '-1.0'])('is not asked for after %s', async (after) => {
    expect((await changes(`after=${after}`)).status).toBe(400);
  });
});
