import fc from 'fast-check';
import type { Entity, FactChange, Scope } from '../model.js';

/** Few names, hostile ones among them, so that changes meet each other. */
export const someSubject: fc.Arbitrary<Entity> = fc.oneof(
  fc.record({ type: fc.constantFrom('user', 'service'), id: fc.constantFrom('1', '2', '3', '__proto__') }),
  fc.record({ type: fc.constant('team'), id: fc.constantFrom('a', 'b') }),
);
const group = fc.record({ type: fc.constantFrom('team', 'org'), id: fc.constantFrom('a', 'b') });
export const someResource: fc.Arbitrary<Entity> = fc.record({
  type: fc.constantFrom('project', 'document', 'role', 'scope'),
  id: fc.constantFrom('1', '2', '3', 'constructor'),
});
const holder = fc.oneof(someSubject, group);
export const someRole = fc.constantFrom('owner', 'viewer', 'maintainer', 'ops', 'unknown');
export const someScope: fc.Arbitrary<Scope> = fc.oneof(fc.constant('*' as const), someResource);
const grantId = fc.integer({ min: 0, max: 30 }).map((n) => `g${n}`);
const labels = fc.dictionary(fc.constantFrom('env', 'tier'), fc.constantFrom('prod', 'dev'), { maxKeys: 2 });
const properties = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom(1, 'x', null), { maxKeys: 2 });
const described = fc.record(
  {
    entity: fc.oneof(someSubject, someResource),
    labels,
    properties,
    parents: fc.array(someResource, { maxLength: 3 }),
    owner: holder,
  },
  { requiredKeys: ['entity', 'labels', 'properties', 'parents'] },
);
const relationship = fc.record({
  subject: someSubject,
  relation: fc.constantFrom('reader', 'assignee'),
  resource: someResource,
});

/** Any change; grants and descriptions most often. */
export const someChange: fc.Arbitrary<FactChange> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('granted' as const),
      grant: fc.record({ id: grantId, subject: holder, role: someRole, scope: someScope }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoked' as const), grantId }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('joined' as const, 'left' as const), group, member: someSubject }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('described' as const), facts: described }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('forgotten' as const), entity: fc.oneof(someSubject, someResource) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('related' as const, 'unrelated' as const), relationship }),
  },
);

export const changes = (maxLength: number): fc.Arbitrary<FactChange[]> => fc.array(someChange, { maxLength });
