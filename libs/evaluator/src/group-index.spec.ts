import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GroupIndex } from './group-index.js';

const name = fc.constantFrom('a', 'b', '__proto__');
const change = fc.record({ tenant: name, group: name, member: name, joins: fc.boolean() });

describe('GroupIndex', () => {
  it('holds what a plain set would, after any changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const index = new GroupIndex();
        const rows = new Set<string>();
        for (const { tenant, group, member, joins } of changes) {
          const row = `${tenant} ${member} ${group}`;
          if (joins) rows.add(row);
          else rows.delete(row);
          index[joins ? 'join' : 'leave'](tenant, { type: 'team', id: group }, { type: 'user', id: member });
        }
        for (const { tenant, member } of changes) {
          const found = index.of(tenant, { type: 'user', id: member }).map(({ id }) => `${tenant} ${member} ${id}`);
          expect(found.sort()).toEqual([...rows].filter((row) => row.startsWith(`${tenant} ${member} `)).sort());
          expect(index.of(tenant, { type: 'service', id: member })).toEqual([]);
        }
      }),
    );
  });
});
