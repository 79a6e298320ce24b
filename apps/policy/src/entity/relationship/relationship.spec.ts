import { describe, expect, it } from '@jest/globals';
import { endRelationship, makeRelationship, relationshipDecider, relationshipStream } from './relationship.js';

const made = {
  subject: { type: 'user', id: 'ann' },
  relation: 'assignee',
  resource: { type: 'ticket', id: '7' },
};

describe('a relationship', () => {
  it.each([
    ['none', [{ type: 'relationship.made', version: 1, data: made }], []],
    ['made', [], [{ type: 'relationship.ended', version: 1, data: made }]],
    ['ended', [{ type: 'relationship.made', version: 1, data: made }], []],
  ] as const)('given %s, is made and ended once', (status, making, ending) => {
    expect(makeRelationship(made)({ status })).toEqual(making);
    expect(endRelationship(made)({ status })).toEqual(ending);
  });

  it('is another one when any of its names is another', () => {
    const others = [
      { ...made, relation: 'reviewer' },
      { ...made, subject: { type: 'team', id: 'ann' } },
      { ...made, resource: { type: 'ticket', id: '8' } },
    ];
    expect(new Set([made, ...others].map(relationshipStream)).size).toBe(4);
    expect(relationshipStream({ ...made })).toBe(relationshipStream(made));
  });

  it('is what its last event says', () => {
    const after = (type: string) => relationshipDecider.evolve({ status: 'made' }, { type } as never).status;
    expect(['relationship.made', 'relationship.ended', 'other.thing'].map(after)).toEqual(['made', 'ended', 'made']);
  });
});
