import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { vault } from './dialect-client.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ann: Somebody;
let eve: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  ann = await stack.somebody('acme', 'ann', ['admin']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
});

afterAll(() => stack?.stop());

const put = (path: string, body: object, token: string, more: { namespace?: string; wrap?: string } = {}) =>
  vault(stack, 'PUT', path, { token, ...more }, body);

/** What one tenant has: a token, a role with a secret id, a token of its login, a wrapped answer. */
async function possessions(who: Somebody, name: string) {
  const { client_token: token, accessor } = (await put('auth/token/create', {}, who.key)).body.auth;
  await put(`auth/approle/role/${name}`, {}, who.key);
  const { role_id: roleId } = (await vault(stack, 'GET', `auth/approle/role/${name}/role-id`, { token: who.key })).body
    .data;
  const made = (await put(`auth/approle/role/${name}/secret-id`, {}, who.key)).body.data;
  const login = await vault(stack, 'PUT', 'auth/approle/login', {}, { role_id: roleId, secret_id: made.secret_id });
  const wrapped = (await put('sys/wrapping/wrap', { of: name }, who.key, { wrap: '60s' })).body.wrap_info;
  return {
    ...{ token, accessor, name, roleId, secretId: made.secret_id, secretIdAccessor: made.secret_id_accessor },
    ...{ loginToken: login.body.auth.client_token as string, wrapped: wrapped.token as string },
  };
}
type Possessions = Awaited<ReturnType<typeof possessions>>;

type Attack = (
  own: Possessions,
  others: Possessions,
  attacker: Somebody,
  victim: Somebody,
) => Promise<{ status: number }>;

/** Each must be refused, whatever else the attacker may in his own tenant. */
const attacks: Readonly<Record<string, Attack>> = {
  'look a token up': (_own, { token }, { key }) => put('auth/token/lookup', { token }, key),
  'look an accessor up': (_own, { accessor }, { key }) => put('auth/token/lookup-accessor', { accessor }, key),
  'renew by accessor': (_own, { accessor }, { key }) => put('auth/token/renew-accessor', { accessor }, key),
  'revoke a token': (_own, { token }, { key }) => put('auth/token/revoke', { token }, key),
  'revoke by accessor': (_own, { accessor }, { key }) => put('auth/token/revoke-accessor', { accessor }, key),
  "use one's own token there": ({ token }, _others, _who, { tenantId: namespace }) =>
    vault(stack, 'GET', 'auth/token/lookup-self', { token, namespace }),
  "use one's own login there": ({ loginToken }, _others, _who, { tenantId: namespace }) =>
    vault(stack, 'GET', 'auth/token/lookup-self', { token: loginToken, namespace }),
  'use a token of theirs here': (_own, { token }, { tenantId: namespace }) =>
    vault(stack, 'GET', 'auth/token/lookup-self', { token, namespace }),
  'make a token there': (_own, _others, { key }, { tenantId: namespace }) =>
    put('auth/token/create', {}, key, { namespace }),
  'read a role': (_own, { name }, { key }) => vault(stack, 'GET', `auth/approle/role/${name}`, { token: key }),
  'read a role id': (_own, { name }, { key }) =>
    vault(stack, 'GET', `auth/approle/role/${name}/role-id`, { token: key }),
  'make a secret id': (_own, { name }, { key }) => put(`auth/approle/role/${name}/secret-id`, {}, key),
  'make a secret id in their namespace': (_own, { name }, { key }, { tenantId: namespace }) =>
    put(`auth/approle/role/${name}/secret-id`, {}, key, { namespace }),
  'look a secret id up by accessor': ({ name }, { secretIdAccessor: id }, { key }) =>
    put(`auth/approle/role/${name}/secret-id-accessor/lookup`, { secret_id_accessor: id }, key),
  'log in to a role of theirs': ({ secretId }, { roleId }) =>
    vault(stack, 'PUT', 'auth/approle/login', {}, { role_id: roleId, secret_id: secretId }),
  'log in with a secret id of theirs': ({ roleId }, { secretId }) =>
    vault(stack, 'PUT', 'auth/approle/login', {}, { role_id: roleId, secret_id: secretId }),
  'log in to their role here': (_own, { roleId, secretId }, { tenantId: namespace }) =>
    vault(stack, 'PUT', 'auth/approle/login', { namespace }, { role_id: roleId, secret_id: secretId }),
};

describe('two tenants', () => {
  it('never reach anything of each other, in whatever order they try', async () => {
    const things = { ann: await possessions(ann, 'of-ann'), eve: await possessions(eve, 'of-eve') };
    const step = fc.record({ attack: fc.constantFrom(...Object.keys(attacks)), byEve: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        await stack.superuser.query('delete from vault.login_guesses');
        for (const { attack, byEve } of steps) {
          const [attacker, victim] = byEve ? [eve, ann] : [ann, eve];
          const [own, others] = byEve ? [things.eve, things.ann] : [things.ann, things.eve];
          const { status } = await (attacks[attack] as Attack)(own, others, attacker, victim);
          expect([attack, [400, 403, 404].includes(status)]).toEqual([attack, true]);
        }
      }),
      { numRuns: 12 },
    );
    // Each of them once at least, and everything is still what it was.
    for (const attack of Object.values(attacks)) {
      expect((await attack(things.eve, things.ann, eve, ann)).status).toBeGreaterThanOrEqual(400);
      expect((await attack(things.ann, things.eve, ann, eve)).status).toBeGreaterThanOrEqual(400);
    }
    for (const { token, loginToken, roleId, secretId, wrapped, name } of Object.values(things)) {
      for (const live of [token, loginToken])
        expect((await vault(stack, 'GET', 'auth/token/lookup-self', { token: live })).status).toBe(200);
      const login = await vault(stack, 'PUT', 'auth/approle/login', {}, { role_id: roleId, secret_id: secretId });
      expect(login.status).toBe(200);
      expect((await vault(stack, 'PUT', 'sys/wrapping/unwrap', { token: wrapped })).body.data).toEqual({ of: name });
    }
  });

  it('are walled off in PostgreSQL as well: one sees no row of the other, and writes none', async () => {
    const { PLATFORM } = await import('@gatehouse/service');
    const { asTenant } = await import('@gatehouse/event-store');
    const { database } = stack.service.app.get(PLATFORM, { strict: false });
    const tables = ['tokens', 'login_roles', 'secret_ids', 'login_configs', 'used_logins', 'wrapped_answers'];
    for (const table of tables) {
      const seen = await asTenant(database.request, 'globex', (client) =>
        client.query(`select distinct tenant_id from ${table}`),
      );
      expect([table, seen.rows.filter((row: { tenant_id: string }) => row.tenant_id !== 'globex')]).toEqual([
        table,
        [],
      ]);
      const touched = await asTenant(database.request, 'globex', (client) =>
        client.query(`delete from ${table} where tenant_id = 'acme'`),
      );
      expect([table, touched.rowCount]).toEqual([table, 0]);
    }
    await expect(database.request.query('select from login_guesses')).rejects.toThrow('permission denied');
  });
});
