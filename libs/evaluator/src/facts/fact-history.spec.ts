import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FactChange, TenantFacts } from '../model.js';
import { FactHistory } from './fact-history.js';
import { LiveFacts } from './live-facts.js';
import { someChange, someResource, someSubject } from './random-changes.fixture.js';

const tenants = ['acme', 'umbrella'] as const;
const step = fc.record({
  tenantId: fc.constantFrom('acme', 'acme', 'acme', 'umbrella'),
  change: someChange,
  /** How many steps later than the one before. */
  later: fc.constantFrom(0, 1, 1, 3),
});

const names = (all: readonly { readonly type: string; readonly id: string }[]) =>
  all.map(({ type, id }) => `${type}/${id}`).sort();
const grantsOf = (all: ReturnType<TenantFacts['held']>) => all.map((grant) => JSON.stringify(grant)).sort();

/** Everything that can be asked of facts about a pair, in an order that does not matter. */
function everything(facts: TenantFacts, subject: { type: string; id: string }, resource: { type: string; id: string }) {
  const { covering, ...about } = facts.about(subject, resource);
  return {
    held: grantsOf(facts.held(subject)),
    covering: grantsOf(facts.covering(subject, resource)),
    alike: grantsOf(covering),
    about,
    groups: names(facts.groups(subject)),
    entity: [facts.entity(subject), facts.entity(resource)],
    ancestors: facts.ancestors(resource).map(({ type, id }) => `${type}/${id}`),
    related: ['reader', 'assignee'].map((relation) => facts.isRelated(subject, relation, resource)),
    subjects: ['user', 'service', 'team', 'org', 'project', 'role'].map((type) => facts.subjectIds(type)),
    resources: ['project', 'document', 'role', 'scope', 'user'].map((type) => facts.resourceIds(type)),
  };
}

describe('FactHistory', () => {
  it('is at every step what a fold from the beginning is', () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.array(fc.record({ at: fc.nat(120), subject: someSubject, resource: someResource }), {
          minLength: 5,
          maxLength: 5,
        }),
        (steps, questions) => {
          let now = 0;
          const dated = steps.map((each) => {
            now += each.later;
            return { ...each, step: now };
          });
          const history = new FactHistory('acme');
          for (const { step: at, change, tenantId } of dated) history.apply(at, change, tenantId);
          for (const { at, subject, resource } of questions) {
            const folded = new LiveFacts();
            for (const each of dated) if (each.step <= at) folded.apply(each.tenantId, each.change);
            expect(everything(history.at(at), subject, resource)).toEqual(
              everything(folded.tenant('acme'), subject, resource),
            );
            compared++;
          }
        },
      ),
      { numRuns: 1_000 },
    );
    expect(compared).toBe(5_000);
  });
});

describe('LiveFacts', () => {
  const tellAll = (facts: LiveFacts) => tenants.map((tenantId) => facts.tenant(tenantId));

  it('is the same when every change comes twice, and forgets what ends', () => {
    fc.assert(
      fc.property(fc.array(someChange, { maxLength: 40 }), someSubject, someResource, (all, subject, resource) => {
        const [once, twice] = [new LiveFacts(), new LiveFacts()];
        for (const change of all) {
          once.apply('acme', change);
          for (const _ of [1, 2]) twice.apply('acme', change);
        }
        expect(twice.size).toBe(once.size);
        const [a, b] = [once, twice].map((facts) =>
          tellAll(facts).map((tenant) => everything(tenant, subject, resource)),
        );
        expect(b).toEqual(a);
        for (const change of all) once.apply('acme', reverse(change));
        expect(once.size).toBe(0);
        // Nothing is left of a tenant that nothing is known of.
        expect(once.tenant('acme')).toBe(once.tenant('never heard of'));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the facts of tenants apart', () => {
    const facts = new LiveFacts();
    const subject = { type: 'user', id: 'u' };
    facts.apply('acme', { kind: 'granted', grant: { id: 'g', subject, role: 'viewer', scope: '*' } });
    expect(facts.tenant('umbrella').held(subject)).toEqual([]);
    expect(facts.grant('umbrella', 'g')).toBeUndefined();
    // The one thing that is read across tenants.
    expect(facts.tenant('umbrella').groups(subject)).toEqual([{ type: 'org', id: 'acme' }]);
    facts.clear();
    expect([facts.size, facts.tenant('umbrella').groups(subject)]).toEqual([0, []]);
  });

  it('never changes a list that it answered', () => {
    const facts = new LiveFacts();
    const subject = { type: 'user', id: 'u' };
    const grant = (id: string): FactChange => ({
      kind: 'granted',
      grant: { id, subject, role: 'viewer', scope: '*' },
    });
    facts.apply('acme', grant('a'));
    const before = facts.tenant('acme').held(subject);
    for (let i = 0; i < 40; i++) facts.apply('acme', grant(`g${i}`));
    facts.apply('acme', { kind: 'revoked', grantId: 'a' });
    expect(before.map(({ id }) => id)).toEqual(['a']);
    expect(facts.tenant('acme').held(subject)).toHaveLength(40);
  });

  it('follows 10,000 containers no further than its bound, and round no cycle', () => {
    const facts = new LiveFacts();
    const box = (i: number) => ({ type: 'box', id: `${i}` });
    const into = (i: number, parent: number): FactChange => ({
      kind: 'described',
      facts: { entity: box(i), labels: {}, properties: {}, parents: [box(parent)] },
    });
    for (let i = 0; i < 10_000; i++) facts.apply('acme', into(i, i + 1));
    expect(facts.tenant('acme').ancestors(box(0))).toHaveLength(64);
    facts.apply('acme', into(3, 0));
    expect(
      facts
        .tenant('acme')
        .ancestors(box(0))
        .map(({ id }) => id),
    ).toEqual(['1', '2', '3']);
  });

  it('gives nobody an owner of what is Gatehouse’s own', () => {
    const facts = new LiveFacts();
    const owner = { type: 'user', id: 'u' };
    for (const type of ['tenant', 'role', 'service', 'policy', 'user']) {
      const entity = { type, id: 'owner' };
      const parents = [{ type: 'project', id: 'mine' }];
      facts.apply('acme', { kind: 'described', facts: { entity, labels: { a: 'b' }, properties: {}, parents, owner } });
      expect(facts.tenant('acme').covering(owner, entity)).toEqual([]);
      expect(facts.tenant('acme').ancestors(entity)).toEqual([]);
      expect(facts.tenant('acme').entity(entity)).toEqual({ entity, labels: { a: 'b' }, properties: {}, parents: [] });
    }
  });
});

function reverse(change: FactChange): FactChange {
  switch (change.kind) {
    case 'granted':
      return { kind: 'revoked', grantId: change.grant.id };
    case 'joined':
      return { ...change, kind: 'left' };
    case 'described':
      return { kind: 'forgotten', entity: change.facts.entity };
    case 'related':
      return { ...change, kind: 'unrelated' };
    default:
      return change;
  }
}
