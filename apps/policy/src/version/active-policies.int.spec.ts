import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type PolicyDatabase, startPolicyDatabase } from '../facts/policy-database.fixture.js';
import { builtinPolicy } from '../role/roles.js';
import { ActivePolicies } from './active-policies.js';
import { digestOfText, textOf } from './version-text.js';

let database: PolicyDatabase;
let policies: ActivePolicies;
let alarms: string[];
let tenants = 0;
let [a, b] = ['', ''];

beforeAll(async () => {
  database = await startPolicyDatabase();
});
afterAll(() => database?.close());

const start = (maxCompiledChars?: number) => {
  policies?.stop();
  alarms = [];
  policies = new ActivePolicies({
    pool: database.system,
    onError: (error) => alarms.push(error.message),
    ...(maxCompiledChars && { maxCompiledChars }),
  });
};
beforeEach(() => {
  [a, b] = [`a-${tenants++}`, `b-${tenants}`];
  start();
});
afterEach(() => policies.stop());

const versionText = (action: string) =>
  textOf({
    document: { roles: [{ name: 'custom', rules: [{ effect: 'permit', actions: [action] }] }] },
    actions: [],
    tests: [],
  });
const store = async (tenantId: string, text: string) => {
  const digest = digestOfText(text);
  await database.admin('insert into policy.policy_texts values ($1, $2, $3)', [tenantId, digest, text]);
  return digest;
};
const activate = (tenantId: string, digest: string | null) => policies.apply(tenantId, 'policy.activated', { digest });
const digestOf = (tenantId: string) => policies.of(tenantId).policy.digest;
const isUsable = (tenantId: string) => {
  try {
    policies.of(tenantId);
    return true;
  } catch {
    return false;
  }
};

describe('the active policies of all tenants', () => {
  it('are the built-in roles, until a version is activated; compiled once for all who have it', async () => {
    expect(policies.of(a)).toEqual({ policy: builtinPolicy, mode: 'strict' });
    const text = versionText('a.b');
    for (const tenantId of [a, b]) await activate(tenantId, await store(tenantId, text));
    expect([digestOf(a), digestOf(b)]).toEqual([digestOfText(text), digestOfText(text)]);
    expect(policies.of(a).policy).toBe(policies.of(b).policy);
    expect(policies.state).toMatchObject({ unavailable: 0, compiled: 1, compiledChars: text.length });
    await activate(a, null);
    expect([digestOf(a), digestOf(b)]).toEqual([builtinPolicy.digest, digestOfText(text)]);
  });

  it('follow the mode, and keep the version', async () => {
    const digest = await store(a, versionText('a.b'));
    await policies.apply(a, 'policy.settings_changed', { mode: 'audit_only', fourEyes: false });
    await activate(a, digest);
    expect(policies.of(a)).toMatchObject({ mode: 'audit_only', policy: { digest } });
    await policies.apply(a, 'policy.settings_changed', { mode: 'strict', fourEyes: true });
    expect(policies.of(a)).toMatchObject({ mode: 'strict', policy: { digest } });
  });

  it('are the same after a start as before it', async () => {
    const digest = await store(a, versionText('a.b'));
    await database.admin(
      `insert into policy.active_policies values ($1, $2, 'strict', false), ($3, null, 'audit_only', true)`,
      [a, digest, b],
    );
    await policies.load(database.system);
    expect(digestOf(a)).toBe(digest);
    expect(policies.of(b)).toEqual({ policy: builtinPolicy, mode: 'audit_only' });
  });

  it.each([
    [
      'is gone',
      async (tenantId: string) => database.admin('delete from policy.policy_texts where tenant_id = $1', [tenantId]),
    ],
    [
      'was changed',
      async (tenantId: string) =>
        database.admin(`update policy.policy_texts set text = replace(text, 'permit', 'forbid') where tenant_id = $1`, [
          tenantId,
        ]),
    ],
    [
      'cannot be compiled',
      async (tenantId: string) =>
        database.admin(`update policy.policy_texts set text = '{' where tenant_id = $1`, [tenantId]),
    ],
  ])('refuse one tenant whose text %s, and go on by themselves when it is back', async (_name, damage) => {
    const text = versionText('a.b');
    const [digest, other] = [await store(a, text), await store(b, versionText('c.d'))];
    await damage(a);
    await activate(a, digest);
    await activate(b, other);
    expect(() => policies.of(a)).toThrow(expect.objectContaining({ code: 'policy_unavailable', status: 503 }));
    expect(digestOf(b)).toBe(other);
    expect(alarms.length).toBeGreaterThan(0);
    // No document is read for these: another version can still be activated.
    expect(policies.of(a, 'policy.activate').policy).toBe(builtinPolicy);
    await database.admin('delete from policy.policy_texts where tenant_id = $1', [a]);
    await store(a, text);
    await waitFor(() => isUsable(a), { message: 'the text is read again' });
    expect(digestOf(a)).toBe(digest);
    expect(policies.state.unavailable).toBe(0);
  });

  it('do not decide by a former version when the new one cannot be read', async () => {
    await activate(a, await store(a, versionText('a.b')));
    await activate(a, digestOfText('not stored'));
    expect(isUsable(a)).toBe(false);
    await activate(a, null);
    expect(digestOf(a)).toBe(builtinPolicy.digest);
  });

  it('take so much memory and no more: what was used least is read again when it is asked for', async () => {
    const text = versionText('a.b');
    start(text.length * 2);
    const digests = [];
    for (const action of ['a.b', 'c.d', 'e.f']) {
      const tenantId = `${a}-${action[0]}`;
      digests.push(await store(tenantId, versionText(action)));
      await activate(tenantId, digests.at(-1) as string);
      if (action === 'c.d') expect(isUsable(`${a}-a`)).toBe(true); // so the second is the one used least
    }
    expect(policies.state).toMatchObject({ compiled: 2, compiledChars: text.length * 2 });
    expect([isUsable(`${a}-a`), isUsable(`${a}-c`), isUsable(`${a}-e`)]).toEqual([true, false, true]);
    await waitFor(() => isUsable(`${a}-c`), { message: 'the evicted version is read again' });
    expect(policies.state.compiled).toBe(2);
  });

  it('give a tenant no version of another one, though its text is in memory', async () => {
    const digest = await store(a, versionText('a.b'));
    await activate(a, digest);
    expect((await policies.versionOf(a, digest)).digest).toBe(digest);
    await expect(policies.versionOf(b, digest)).rejects.toThrow('there is no text');
  });
});

describe('the table of texts', () => {
  const asRequest = async (tenantId: string, text: string, values: unknown[]) => {
    const client = await database.request.connect();
    try {
      await client.query('begin');
      await client.query(`select set_config('gatehouse.tenant', $1, true)`, [tenantId]);
      return await client.query(text, values);
    } finally {
      await client.query('rollback');
      client.release();
    }
  };

  it('shows a tenant its own texts only, and takes none for another', async () => {
    const digest = await store(a, versionText('a.b'));
    const read = 'select digest from policy_texts where digest = $1';
    expect((await asRequest(a, read, [digest])).rowCount).toBe(1);
    expect((await asRequest(b, read, [digest])).rowCount).toBe(0);
    const insert = asRequest(b, 'insert into policy_texts values ($1, $2, $3)', [a, digestOfText('x'), 'x']);
    await expect(insert).rejects.toThrow('row-level security');
  });

  it('is never changed, by neither role', async () => {
    await store(a, versionText('a.b'));
    for (const statement of [`update policy_texts set text = 'x'`, 'delete from policy_texts']) {
      await expect(asRequest(a, statement, [])).rejects.toThrow('permission denied');
      await expect(database.system.query(statement)).rejects.toThrow('permission denied');
    }
  });
});
