import { describe, expect, it } from '@jest/globals';
import { ours } from './differential.fixture.js';
import { expressions } from './language.fixture.js';
import type { Case } from './random-world.fixture.js';
import { callOf, prepare, reference } from './reference.fixture.js';

const one: Case = {
  request: {
    subject: {
      type: 'user',
      id: 'a',
      properties: {
        ...{ s: 'text', 'x y': 1, nil: null, half: 1.5, tags: ['a', 'b', 1, null, 0.5], rec: { deep: { er: 1 } } },
        ...{ labels: { env: 'given' }, owner: 'given', id: 'given', __entity: { type: 'user', id: 'b' } },
      },
    },
    action: { name: 'read', properties: { soft: true, name: 'given' } },
    resource: { type: 'doc', id: 'd' },
    context: { n: 5, big: 2 ** 60, now: 'given', action: 'given', ip: '127.0.0.1' },
  },
  known: {
    groups: [{ type: 'team', id: 't' }],
    roles: ['ops'],
    ancestors: [{ type: 'folder', id: 'top' }],
    entities: [
      { entity: { type: 'user', id: 'a' }, labels: { env: 'prod' }, properties: { s: 'known' }, parents: [] },
      { entity: { type: 'doc', id: 'd' }, labels: {}, properties: {}, parents: [], owner: { type: 'user', id: 'a' } },
    ],
  },
  nowMs: Date.parse('2026-11-22T09:30:00Z'),
};

describe('every operator and function of Cedar', () => {
  it.each(expressions.map((expression) => [expression]))('%s', (expression) => {
    const text = `permit(principal, action, resource) when { ${expression} };`;
    prepare(text);
    expect(ours(text)(one)).toEqual(reference(callOf(one)));
  });

  it('comes out true, false and failing often enough to show something', () => {
    const outcomes = expressions.map((expression) => {
      const { decision, errors } = ours(`permit(principal, action, resource) when { ${expression} };`)(one);
      return errors.length > 0 ? 'fails' : decision;
    });
    const count = (outcome: string) => outcomes.filter((each) => each === outcome).length;
    expect(count('allow')).toBeGreaterThan(80);
    expect(count('deny')).toBeGreaterThan(40);
    expect(count('fails')).toBeGreaterThan(50);
  });
});
