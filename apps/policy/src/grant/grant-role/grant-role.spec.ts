import { describe, expect, it } from '@jest/globals';
import { grantIdOf } from '../grant.js';
import { revokeRole } from '../revoke-role/revoke-role.js';
import { grantRole } from './grant-role.js';

const terms = { subject: { type: 'user', id: 'u-1' }, role: 'developer', scope: 'project/app-web' };
const granted = { grantId: grantIdOf(terms), ...terms };

describe('grant role', () => {
  it.each([
    ['nothing yet', { status: 'none' } as const],
    ['revoked before', { status: 'revoked', granted } as const],
  ])('given %s, grants', (_name, state) => {
    expect(grantRole(terms)(state)).toEqual([{ type: 'role.granted', version: 1, data: granted }]);
  });

  it('given the same grant, changes nothing', () => {
    expect(grantRole(terms)({ status: 'active', granted })).toEqual([]);
  });

  it('names a grant by its terms, and no other terms alike', () => {
    const others = [
      { ...terms, role: 'viewer' },
      { ...terms, scope: '*' },
      { ...terms, subject: { type: 'user', id: 'u-2' } },
      { ...terms, subject: { type: 'service', id: 'u-1' } },
    ];
    expect(new Set([terms, ...others].map(grantIdOf)).size).toBe(5);
    expect(grantIdOf({ ...terms })).toBe(grantIdOf(terms));
  });
});

describe('revoke role', () => {
  it('given an active grant, revokes it once', () => {
    expect(revokeRole()({ status: 'active', granted })).toEqual([
      { type: 'role.revoked', version: 1, data: { grantId: granted.grantId } },
    ]);
    expect(revokeRole()({ status: 'revoked', granted })).toEqual([]);
    expect(revokeRole()({ status: 'none' })).toEqual([]);
  });
});
