import { describe, expect, it } from '@jest/globals';
import { factChanges } from './grant-changes.js';

const ann = { type: 'user', id: 'ann' };
const change = (kind: string, subject: object, role: string, scope = '*') => ({
  kind,
  terms: { subject, role, scope },
});

describe('what an event of identity means for the facts', () => {
  it.each([
    ['tenant.created', { name: 'Acme', ownerId: 'ann' }, [change('grant', ann, 'owner')]],
    ['member.added', { userId: 'ann', role: 'developer', via: 'invitation' }, [change('grant', ann, 'developer')]],
    [
      'member.role_changed',
      { userId: 'ann', role: 'admin', previousRole: 'viewer' },
      [change('revoke', ann, 'viewer'), change('grant', ann, 'admin')],
    ],
    ['member.removed', { userId: 'ann', role: 'admin', reason: 'left' }, [{ kind: 'revoke_all', subject: ann }]],
    [
      'team.member_added',
      { teamId: 'web', userId: 'ann' },
      [{ kind: 'join', membership: { group: { type: 'team', id: 'web' }, member: ann } }],
    ],
    [
      'project.role_granted',
      { projectId: 'shop', subject: { type: 'team', id: 'web' }, role: 'developer' },
      [change('grant', { type: 'team', id: 'web' }, 'developer', 'project/shop')],
    ],
    [
      'key.created',
      { keyId: 'k', principal: { type: 'service', id: 'ci' }, roles: ['viewer'] },
      [
        { kind: 'revoke_earlier', subject: { type: 'service', id: 'ci' } },
        change('grant', { type: 'service', id: 'ci' }, 'viewer'),
      ],
    ],
    ['key.created', { keyId: 'k', principal: { type: 'user', id: 'ann' }, roles: [] }, []],
    ['key.disabled', { keyId: 'k' }, []],
    ['constructor', {}, []],
  ])('%s', (type, data, expected) => expect(factChanges({ type, data })).toEqual(expected));
});
