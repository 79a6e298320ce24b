import { describe, expect, it } from '@jest/globals';
import { claimAt, missedBound } from './bound-claims.js';
import { isWithin, networkList } from './networks.js';
import { principalIdOf, roleName, roleSettings } from './role-settings.js';

const keyName = /^[a-z0-9][a-z0-9-]{0,62}$/;

describe('roles of logins', () => {
  it('stand apart from the services of keys: no name of a key is the principal of a login', () => {
    for (const method of ['approle', 'jwt', 'kubernetes'] as const)
      for (const name of ['boss', 'approle-boss', 'a']) expect(principalIdOf(method, name)).not.toMatch(keyName);
    expect(principalIdOf('approle', 'x')).not.toBe(principalIdOf('jwt', 'x'));
  });

  it.each(['', 'a:b', '../x', 'a/b', '-a', 'a@b.example', 'a'.repeat(129), 'ä'])('%j is no name', (name) =>
    expect(roleName.safeParse(name).success).toBe(false),
  );

  it('take lists as clients send them', () => {
    const { data } = roleSettings.approle.safeParse({
      token_policies: 'default, secret.read',
      token_bound_cidrs: '10.0.0.0/8,::1',
    });
    expect(data).toMatchObject({
      token_policies: ['secret.read'],
      token_bound_cidrs: ['10.0.0.0/8', '::1'],
      token_ttl: 0,
    });
  });

  it.each(['root', 'my-app', 'Secret.read', 'secret.', 'secret.*.read', '**'])('%j is no action pattern', (policy) =>
    expect(roleSettings.approle.safeParse({ token_policies: [policy] }).success).toBe(false),
  );
});

describe('networks', () => {
  it.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['11.1.2.3', ['10.0.0.0/8', '11.1.2.3'], true],
    ['11.1.2.4', ['10.0.0.0/8', '11.1.2.3'], false],
    ['2001:db8::1', ['2001:db8::/32'], true],
    ['2001:db9::1', ['2001:db8::/32'], false],
    ['unknown', ['0.0.0.0/0'], false],
    ['anything', [], true],
  ])('%s in %j: %p', (ip, networks, within) => expect(isWithin(networks, ip)).toBe(within));

  it.each(['10.0.0.0/33', 'example.org', '10.0.0', '1.2.3.4/-1', '::/129', 'x'])('%j is none', (text) =>
    expect(networkList.safeParse([text]).success).toBe(false),
  );
});

describe('bounds of claims', () => {
  const role = (more: object) => roleSettings.jwt.parse({ role_type: 'jwt', bound_audiences: ['a'], ...more });
  const claims = { aud: ['b', 'a'], sub: 's', groups: ['x', 'y'], deep: { kind: 'k', 'a/b': 1 }, n: 7 };

  it.each<[object, string | undefined]>([
    [{}, undefined],
    [{ bound_audiences: ['c'] }, 'audience'],
    [{ bound_subject: 't' }, 'subject'],
    [{ bound_claims: { groups: 'x' } }, undefined],
    [{ bound_claims: { groups: ['z', 'y'] } }, undefined],
    [{ bound_claims: { groups: 'z' } }, 'claim'],
    [{ bound_claims: { n: 7, '/deep/kind': 'k', '/deep/a~1b': 1 } }, undefined],
    [{ bound_claims: { n: '7' } }, 'claim'],
    [{ bound_claims: { missing: '' } }, 'claim'],
    [{ bound_claims: { toString: 'x' } }, 'claim'],
    [{ bound_claims: { groups: [] } }, 'claim'],
    [{ user_claim: 'email' }, 'user_claim'],
  ])('%j: %s', (more, missed) => expect(missedBound(role(more), claims)).toBe(missed));

  it('are own members only', () => {
    expect(claimAt(claims, '__proto__')).toBeUndefined();
    expect(claimAt(claims, '/deep/constructor')).toBeUndefined();
  });
});
