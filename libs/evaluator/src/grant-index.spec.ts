import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GrantIndex } from './grant-index.js';
import type { Grant } from './model.js';

const tenant = fc.constantFrom('acme', 'other');
const grant: fc.Arbitrary<Grant> = fc.record({
  id: fc.constantFrom('g1', 'g2', 'g3', 'g4'),
  subject: fc.record({ type: fc.constantFrom('user', 'service'), id: fc.constantFrom('1', '2') }),
  role: fc.constantFrom('owner', 'viewer'),
  scope: fc.constant('*' as const),
});
const change = fc.oneof(fc.record({ tenant, apply: grant }), fc.record({ tenant, remove: grant.map((g) => g.id) }));

describe('GrantIndex', () => {
  it('holds what a plain table would, after any changes, each applied once or twice', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.boolean()), { maxLength: 40 }), (changes) => {
        const index = new GrantIndex();
        const table = new Map<string, { tenantId: string; grant: Grant }>();
        for (const [step, twice] of changes) {
          for (let i = 0; i < (twice ? 2 : 1); i++) {
            if ('apply' in step) {
              index.apply(step.tenant, step.apply);
              table.set(`${step.tenant} ${step.apply.id}`, { tenantId: step.tenant, grant: step.apply });
            } else {
              expect(index.remove(step.tenant, step.remove)).toBe(table.delete(`${step.tenant} ${step.remove}`));
            }
          }
        }
        expect(index.size).toBe(table.size);
        for (const { tenantId, grant: kept } of table.values()) {
          expect(index.get(tenantId, kept.id)).toEqual(kept);
          const same = [...table.values()].filter(
            (row) => row.tenantId === tenantId && JSON.stringify(row.grant.subject) === JSON.stringify(kept.subject),
          );
          const byId = (a: Grant, b: Grant) => (a.id < b.id ? -1 : 1);
          expect([...index.of(tenantId, kept.subject)].sort(byId)).toEqual(same.map((row) => row.grant).sort(byId));
        }
      }),
    );
  });

  it('keeps tenants and subjects apart, whatever their names', () => {
    const index = new GrantIndex();
    index.apply('a', { id: 'g', subject: { type: 'user', id: '1' }, role: 'owner', scope: '*' });
    expect(index.of('b', { type: 'user', id: '1' })).toEqual([]);
    expect(index.of('a', { type: 'use', id: 'r1' })).toEqual([]);
    expect(index.of('__proto__', { type: 'constructor', id: 'toString' })).toEqual([]);
    expect(index.get('b', 'g')).toBeUndefined();
    expect(index.remove('b', 'g')).toBe(false);
  });

  it('moves a grant that is replaced by one of another subject', () => {
    const index = new GrantIndex();
    index.apply('a', { id: 'g', subject: { type: 'user', id: '1' }, role: 'owner', scope: '*' });
    index.apply('a', { id: 'g', subject: { type: 'user', id: '2' }, role: 'owner', scope: '*' });
    expect(index.of('a', { type: 'user', id: '1' })).toEqual([]);
    expect(index.of('a', { type: 'user', id: '2' })).toHaveLength(1);
    expect(index.size).toBe(1);
  });

  it('gives lists that later changes leave alone, and forgets everything on clear', () => {
    const index = new GrantIndex();
    const subject = { type: 'user', id: '1' };
    index.apply('a', { id: 'g1', subject, role: 'owner', scope: '*' });
    const before = index.of('a', subject);
    index.apply('a', { id: 'g2', subject, role: 'viewer', scope: '*' });
    index.remove('a', 'g1');
    expect(before.map((g) => g.id)).toEqual(['g1']);
    expect(index.of('a', subject).map((g) => g.id)).toEqual(['g2']);
    index.clear();
    expect([index.size, index.of('a', subject)]).toEqual([0, []]);
  });
});
