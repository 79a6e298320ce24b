import { describe, expect, it } from '@jest/globals';
import { diffPolicies } from './diff.js';
import { parsePolicyText } from './parse.js';

const documentOf = (text: string) => parsePolicyText(text).document ?? {};

describe('the difference of two policies', () => {
  const before = documentOf(`
roles: [{name: a, rules: []}, {name: b, rules: [{effect: permit, actions: [logs.read]}]}]
rules: [{id: x, type: access, mode: allow, patterns: [u], actions: [logs.read]}, {id: y, type: access, mode: deny, patterns: [v]}]
record: [subject.a, subject.b]`);

  it('is empty for another order', () => {
    const { roles = [], rules = [], record = [] } = before;
    const turned = { rules: [...rules].reverse(), record: [...record].reverse(), roles: [...roles].reverse() };
    expect(diffPolicies(before, turned)).toEqual([]);
  });

  it('names what was added, removed and changed, member by member', () => {
    const after = documentOf(`
roles: [{name: b, description: d, rules: [{effect: permit, actions: [logs.read]}]}, {name: c, rules: []}]
rules: [{id: x, type: access, mode: allow, patterns: [u, w]}]`);
    expect(diffPolicies(before, after)).toEqual([
      {
        kind: 'role',
        name: 'a',
        change: 'removed',
        members: [
          { member: 'name', before: 'a' },
          { member: 'rules', before: [] },
        ],
      },
      { kind: 'role', name: 'b', change: 'changed', members: [{ member: 'description', after: 'd' }] },
      {
        kind: 'role',
        name: 'c',
        change: 'added',
        members: [
          { member: 'name', after: 'c' },
          { member: 'rules', after: [] },
        ],
      },
      {
        kind: 'rule',
        name: 'x',
        change: 'changed',
        members: [
          { member: 'actions', before: ['logs.read'] },
          { member: 'patterns', before: ['u'], after: ['u', 'w'] },
        ],
      },
      {
        kind: 'rule',
        name: 'y',
        change: 'removed',
        members: [
          { member: 'id', before: 'y' },
          { member: 'mode', before: 'deny' },
          { member: 'patterns', before: ['v'] },
          { member: 'type', before: 'access' },
        ],
      },
      {
        kind: 'record',
        name: 'record',
        change: 'changed',
        members: [{ member: 'paths', before: ['subject.a', 'subject.b'] }],
      },
    ]);
  });
});
