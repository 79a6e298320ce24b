import { policyEvents } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { factChangeOf, factTypes, isFactType, policyTypes } from './fact-events.js';

const ann = { type: 'user', id: 'ann' };
const web = { type: 'team', id: 'web' };
const shop = { type: 'project', id: 'shop' };
const described = { entity: shop, labels: { a: 'b' }, properties: { size: 3 }, parents: [web] };
const related = { subject: ann, relation: 'assignee', resource: shop };

describe('what an event of the log changes', () => {
  it.each([
    ['role.granted', { grantId: 'g', subject: ann, role: 'viewer', scope: 'project/shop' }, 'granted'],
    ['role.revoked', { grantId: 'g' }, 'revoked'],
    ['group.joined', { group: web, member: ann }, 'joined'],
    ['group.left', { group: web, member: ann }, 'left'],
    ['entity.described', described, 'described'],
    ['entity.forgotten', { entity: shop }, 'forgotten'],
    ['relationship.made', related, 'related'],
    ['relationship.ended', related, 'unrelated'],
  ] as const)('%s', (type, data, kind) => expect(factChangeOf(type, data)).toMatchObject({ kind }));

  it('is all of what the event says', () => {
    expect(factChangeOf('role.granted', { grantId: 'g', subject: ann, role: 'viewer', scope: 'project/shop' })).toEqual(
      { kind: 'granted', grant: { id: 'g', subject: ann, role: 'viewer', scope: shop } },
    );
    expect(factChangeOf('entity.described', { ...described, owner: ann })).toEqual({
      kind: 'described',
      facts: { ...described, owner: ann },
    });
    expect(factChangeOf('relationship.ended', related)).toEqual({ kind: 'unrelated', relationship: related });
  });

  it('is nothing for a grant on what can’t be read as a scope', () => {
    expect(factChangeOf('role.granted', { grantId: 'g', subject: ann, role: 'owner', scope: '' })).toBeUndefined();
  });

  it.each([
    ['group.left', { group: web }],
    ['entity.described', { entity: shop }],
    ['entity.forgotten', {}],
    ['relationship.ended', { ...related, subject: { type: 'user' } }],
    ['role.granted', { grantId: 'g', role: 'viewer', scope: '*' }],
  ] as const)('can’t be known of a %s without its names', (type, data) => {
    expect(() => factChangeOf(type, data)).toThrow();
  });

  it('is known for every event that is one, and no name of a prototype is', () => {
    expect([...factTypes, ...policyTypes].filter((type) => !(type in policyEvents))).toEqual([]);
    expect(['toString', 'decision.recorded', '__proto__'].filter(isFactType)).toEqual([]);
  });
});
