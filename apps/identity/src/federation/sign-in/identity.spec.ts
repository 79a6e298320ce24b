import type { IdpConfigured } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readIdentity, roleFrom } from './identity.js';

const config: IdpConfigured = {
  idpId: '0190a1b2-0000-7000-8000-00000000000a',
  name: 'corporate',
  issuer: 'https://id.example.org',
  clientId: 'gatehouse',
  domains: [],
  requireApproval: false,
  groupRoles: { devs: 'developer', leads: 'maintainer', bosses: 'owner' },
  groupsClaim: 'groups',
};
const claims = { sub: 's', email: 'ann@example.org', email_verified: true };

describe('somebody as the issuer describes him', () => {
  it('is subject, address, name, role and how he was recognised', () => {
    const told = { ...claims, name: 'Ann', groups: ['devs'], amr: ['pwd', 'otp', 7, 'NOT A WORD'] };
    expect(readIdentity(told, config)).toEqual({
      subject: 's',
      email: 'ann@example.org',
      name: 'Ann',
      role: 'developer',
      methods: ['pwd', 'otp'],
    });
  });

  it.each([
    ['email_not_verified', { email_verified: false }],
    ['email_not_verified', { email_verified: 'true' }],
    ['email_not_verified', { email_verified: 1 }],
    ['email_missing', { email: ['ann@example.org'] }],
    ['email_missing', { email: 'ann@localhost' }],
    ['email_missing', { email: 'ann\u0000@example.org' }],
    ['email_missing', { email: 'ann@example.org\n' }],
    ['no_subject', { sub: '' }],
    ['no_subject', { sub: 'x'.repeat(256) }],
  ])('is nobody (%s): %j', (problem, changed) => {
    expect(readIdentity({ ...claims, ...changed }, config)).toBe(problem);
  });

  it('keeps no name with control characters or half a character', () => {
    for (const name of ['a\u0007b', '\ud800', '', 'x'.repeat(201)])
      expect(readIdentity({ ...claims, name }, config)).not.toHaveProperty('name');
  });
});

describe('the role that groups mean', () => {
  it.each([
    ['the highest', { groups: ['devs', 'leads'] }, 'maintainer'],
    ['never owner', { groups: ['bosses', 'devs'] }, 'developer'],
    ['of one group that is no list', { groups: 'devs' }, 'developer'],
    ['of none', { groups: [] }, undefined],
    ['of no claim', {}, undefined],
    ['of numbers', { groups: [1, null, {}] }, undefined],
  ])('is %s', (_what, told, role) => {
    expect(roleFrom(told, config)).toBe(role);
  });

  it('is read at a path, or by a whole name with dots', () => {
    const at = (groupsClaim: string, told: object) => roleFrom({ ...told }, { ...config, groupsClaim });
    expect(at('realm_access.roles', { realm_access: { roles: ['leads'] } })).toBe('maintainer');
    expect(at('https://example.org/groups', { 'https://example.org/groups': ['devs'] })).toBe('developer');
    expect(at('realm_access.roles', { realm_access: 'leads' })).toBeUndefined();
    expect(at('constructor.name', {})).toBeUndefined();
  });

  it('is only ever one that was configured, whatever the groups are', () => {
    fc.assert(
      fc.property(fc.anything(), (groups) => {
        expect([undefined, 'developer', 'maintainer']).toContain(roleFrom({ groups }, config));
      }),
    );
  });
});
