import { describe, expect, it } from '@jest/globals';
import { type BuiltinRoleName, builtinRoleNames, builtinRoles } from './builtin-roles.js';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { LiveFacts } from './facts/live-facts.js';
import { knownActions } from './known-actions.js';
import type { Scope } from './model.js';
import { needed } from './needed.js';
import { parseRequest } from './parse-request.js';

const policy = compile({ digest: 'builtin' });

function decide(role: string, action: string, resource: string): 'allow' | 'deny' {
  const subject = { type: 'user', id: 'u_7' };
  const facts = new LiveFacts();
  facts.apply('tenant_9fa', { kind: 'granted', grant: { id: 'g_1', subject, role, scope: '*' } });
  const parsed = parseRequest({ subject, action: { name: action }, resource });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return evaluate(policy, facts.tenant('tenant_9fa'), parsed.value, 0).decision ? 'allow' : 'deny';
}

describe("the matrix of the 'Platform Security' page", () => {
  it.each([
    ['maintainer', 'deploy.production', 'project/app-web', 'allow'],
    ['maintainer', 'deploy.preview', 'project/app-web', 'allow'],
    ['maintainer', 'logs.read', 'runtime/app-web', 'allow'],
    ['maintainer', 'secret.write', 'production', 'allow'],
    ['maintainer', 'billing.manage', 'billing', 'deny'],
    ['maintainer', 'members.invite', 'project/app-web', 'allow'],
    ['developer', 'deploy.production', 'project/app-web', 'deny'],
    ['developer', 'secret.write', 'production', 'deny'],
    ['viewer', 'logs.read', 'runtime/app-web', 'allow'],
  ])('%s %s on %s: %s', (role, action, resource, expected) => {
    expect(decide(role, action, resource)).toBe(expected);
  });
});

/** Which of the roles, from owner to viewer, may: the letters `oamduv`, a dash where not. */
const table: readonly (readonly [action: string, resource: string, may: string])[] = [
  ['deploy.preview', 'project/app-web', 'oamd--'],
  ['deploy.production', 'project/app-web', 'oam---'],
  ['logs.read', 'runtime/app-web', 'oamduv'],
  ['secret.list', 'production', 'oamd--'],
  ['secret.read', 'staging', 'oamd--'],
  ['secret.read', 'production', 'oam---'],
  ['secret.read', 'production-eu', 'oam---'],
  ['secret.write', 'development', 'oamd--'],
  ['secret.write', 'secret/development', 'oam---'],
  ['secret.read', 'secret/staging/DATABASE_URL', 'oamd--'],
  ['secret.read', 'secret/production/DATABASE_URL', 'oam---'],
  ['secret.write', 'secret/development/DATABASE_URL', 'oamd--'],
  ['secret.write', 'secret/production/DATABASE_URL', 'oam---'],
  ['secret.delete', 'secret/development/DATABASE_URL', 'oa----'],
  ['secret.find', 'tenant/secrets', 'oa----'],
  ['secret.import', 'tenant/secrets', 'oa----'],
  ['secret.export', 'tenant/secrets', 'oa----'],
  ['seal.read', 'vault/seal', 'oa----'],
  ['seal.write', 'vault/seal', 'oa----'],
  ['transit.read', 'transit/orders', 'oa----'],
  ['transit.write', 'transit/orders', 'oa----'],
  ['transit.encrypt', 'transit/orders', 'oa----'],
  ['transit.decrypt', 'transit/orders', 'oa----'],
  ['transit.rewrap', 'transit/orders', 'oa----'],
  ['transit.sign', 'transit/orders', 'oa----'],
  ['transit.verify', 'transit/orders', 'oa----'],
  ['transit.hmac', 'transit/orders', 'oa----'],
  ['database.read', 'database/orders', 'oa----'],
  ['database.write', 'database/orders', 'oa----'],
  ['database.credentials', 'database/orders/readonly', 'oa----'],
  ['lease.read', 'lease/l_1', 'oa----'],
  ['lease.renew', 'lease/l_1', 'oa----'],
  ['lease.revoke', 'lease/l_1', 'oa----'],
  ['device.read', 'device/d_1', 'oamduv'],
  ['device.shell', 'device/d_1', 'oamd--'],
  ['device.exec', 'device/d_1', 'oamd--'],
  ['device.files.read', 'device/d_1', 'oamd--'],
  ['device.files.write', 'device/d_1', 'oamd--'],
  ['device.forward', 'device/d_1', 'oamd--'],
  ['device.logs', 'device/d_1', 'oamd--'],
  ['device.metrics', 'device/d_1', 'oamd--'],
  ['device.approve', 'device/d_1', 'oa----'],
  ['device.manage', 'device/d_1', 'oa----'],
  ['device.transfer', 'device/d_1', 'oa----'],
  ['device.sessions.read', 'device/d_1', 'oa----'],
  ['device.recordings.read', 'device/d_1', 'oa----'],
  ['login.read', 'login/jwt/config', 'oa----'],
  ['login.write', 'login/jwt/role/ci', 'oa----'],
  ['approle.read', 'approle/ci', 'oa----'],
  ['approle.write', 'approle/ci', 'oa----'],
  ['service.operate', 'production', 'oam---'],
  ['project.read', 'project/app-web', 'oamduv'],
  ['project.write', 'project/app-web', 'oam---'],
  ['domain.write', 'domain/example.org', 'oam---'],
  ['members.read', 'project/app-web', 'oamdu-'],
  ['members.invite', 'project/app-web', 'oam---'],
  ['members.remove', 'project/app-web', 'oa----'],
  ['members.write', 'member/u_8', 'oa----'],
  ['team.read', 'team/web', 'oamdu-'],
  ['team.write', 'team/web', 'oa----'],
  ['project.roles', 'project/app-web', 'oa----'],
  ['project.delete', 'project/app-web', 'oa----'],
  ['environment.read', 'project/app-web', 'oamdu-'],
  ['environment.write', 'project/app-web', 'oam---'],
  ['tenant.transfer', 'tenant/tenant_9fa', 'o-----'],
  ['billing.manage', 'billing', 'oa----'],
  ['tenant.read', 'tenant/tenant_9fa', 'oamduv'],
  ['tenant.update', 'tenant/tenant_9fa', 'oa----'],
  ['tenant.close', 'tenant/tenant_9fa', 'o-----'],
  ['key.create', 'tenant/tenant_9fa', 'oa----'],
  ['key.read', 'tenant/tenant_9fa', 'oa----'],
  ['key.disable', 'key/k_1', 'oa----'],
  ['key.enable', 'key/k_1', 'oa----'],
  ['idp.read', 'idp/i_1', 'oa----'],
  ['idp.write', 'idp/i_1', 'oa----'],
  ['role.read', 'tenant/tenant_9fa', 'oam---'],
  ['role.grant', 'role/owner', 'o-----'],
  ['role.grant', 'role/admin', 'oa----'],
  ['role.grant', 'role/maintainer', 'oa----'],
  ['role.grant', 'role/viewer', 'oa----'],
  ['role.grant', 'role/custom', 'o-----'],
  ['role.grant', 'role/custom/ops', 'oa----'],
  ['role.revoke', 'role/custom/ops', 'oa----'],
  ['role.revoke', 'role/owner', 'o-----'],
  ['role.revoke', 'role/developer', 'oa----'],
  ['decision.evaluate', 'tenant/tenant_9fa', 'oamd--'],
  ['audit.read', 'tenant/tenant_9fa', 'oa----'],
  ['audit.export', 'tenant/tenant_9fa', 'oa----'],
  ['policy.read', 'service/policy', 'oam---'],
  ['policy.activate', 'service/policy', 'oa----'],
  ['policy.simulate', 'service/policy', 'oa----'],
  ['fact.read', 'service/policy', 'oa----'],
  ['fact.write', 'service/policy', 'oa----'],
  ['resource.share', 'document/d_1', 'oa----'],
  ['decision.search', 'service/policy', 'oamd--'],
  ['policy.write', 'tenant/tenant_9fa', 'oa----'],
  ['projection.read', 'service/audit', 'oa----'],
  ['projection.rebuild', 'service/audit', 'oa----'],
  ['token.create', 'tenant/tokens', 'oamd--'],
  ['token.mint', 'audience/billing', 'oamduv'],
  ['token.read', 'token/t_1', 'oa----'],
  ['token.renew', 'token/t_1', 'oa----'],
  ['token.revoke', 'token/t_1', 'oa----'],
  ['audience.read', 'tenant/tenant_9fa', 'oa----'],
  ['audience.write', 'audience/billing', 'oa----'],
  ['alert.read', 'tenant/tenant_9fa', 'oa----'],
  ['alert.write', 'alert/a_1', 'oa----'],
  ['domain.read', 'domain/example.org', 'oamdu-'],
  ['client.create', 'tenant/tenant_9fa', 'oa----'],
  ['client.read', 'tenant/tenant_9fa', 'oa----'],
  ['client.remove', 'client/c_1', 'oa----'],
  ['client.rotate', 'client/c_1', 'oa----'],
  ['client.write', 'client/c_1', 'oa----'],
  ['key.find', 'tenant/tenant_9fa', 'oa----'],
  ['key.import', 'tenant/tenant_9fa', 'oa----'],
  ['key.rotate', 'key/k_1', 'oa----'],
  ['person.erase', 'tenant/erasures', 'o-----'],
  ['retention.read', 'tenant/retention', 'o-----'],
  ['retention.write', 'tenant/retention', 'o-----'],
  ['user.disable', 'user/u_8', 'o-----'],
  ['unheard.of', 'anything', 'o-----'],
];

describe('the built-in roles', () => {
  it.each(table)('%s on %s: %s', (action, resource, may) => {
    const found = builtinRoleNames.map((role) => (decide(role, action, resource) === 'allow' ? role[0] : '-'));
    expect(found.join('')).toBe(may);
  });

  it('may each do what the next one may', () => {
    const actions = table.map(([action, resource]) => [action, resource] as const);
    for (const [i, role] of builtinRoleNames.entries()) {
      const next: BuiltinRoleName | undefined = builtinRoleNames[i + 1];
      const lost = actions.filter(([a, r]) => next && decide(next, a, r) === 'allow' && decide(role, a, r) === 'deny');
      expect(lost).toEqual([]);
    }
  });

  it('only permit, and are those that are named', () => {
    expect(builtinRoles.map((role) => role.name)).toEqual(builtinRoleNames);
    expect(builtinRoles.flatMap((role) => role.rules).filter((rule) => rule.effect !== 'permit')).toEqual([]);
  });

  it('add up: a developer who is maintainer of one project deploys that one', () => {
    const subject = { type: 'user', id: 'u_7' };
    const facts = new LiveFacts();
    const grant = (id: string, role: string, scope: Scope) =>
      facts.apply('t', { kind: 'granted', grant: { id, subject, role, scope } });
    grant('g_1', 'developer', '*');
    grant('g_2', 'maintainer', { type: 'project', id: 'app-web' });
    const request = (id: string) => ({
      subject,
      action: { name: 'deploy.production' },
      resource: { type: 'project', id },
    });
    const tenant = facts.tenant('t');
    expect(evaluate(policy, tenant, request('app-web'), 0).decision).toBe(true);
    expect(evaluate(policy, tenant, request('app-api'), 0)).toEqual({
      decision: false,
      reason: 'no_permit',
      matched: [],
    });
    expect(needed(policy, tenant, request('app-api'), 0)).toEqual({
      roles: ['admin', 'maintainer', 'owner'],
      rules: [],
    });
  });

  it('stand in the table with every action that is known', () => {
    const tested = new Set(table.map(([action]) => action));
    expect(knownActions.filter((action) => !tested.has(action))).toEqual([]);
    expect([...knownActions]).toEqual([...new Set(knownActions)].sort());
  });
});
