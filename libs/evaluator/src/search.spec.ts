import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { resourceCandidates, subjectCandidates } from './candidates.js';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { FactHistory } from './facts/fact-history.js';
import { LiveFacts } from './facts/live-facts.js';
import type { TenantFacts } from './model.js';
import { randomCase } from './naive/generate-case.fixture.js';
import { policyErrors } from './policy-errors.js';
import { searchActions, searchResources, searchSubjects } from './search.js';

const types = ['user', 'service', 'team', 'project', 'folder', 'role'];

describe('a search', () => {
  it('finds what deciding about every known name finds, now and in the past', () => {
    const seen = { found: 0, left: 0 };
    fc.assert(
      fc.property(fc.nat(2 ** 30), (seed) => {
        const given = randomCase(seed, 2);
        const document = given.document && policyErrors(given.document).length === 0 ? given.document : undefined;
        const policy = compile({ digest: 'd', ...(document && { document }) });
        const live = new LiveFacts();
        const history = new FactHistory(given.facts.tenantId);
        given.facts.changes.forEach(({ tenantId, change }, step) => {
          live.apply(tenantId, change);
          history.apply(step, change, tenantId);
        });
        const now = live.tenant(given.facts.tenantId);
        const half = new LiveFacts();
        const middle = given.facts.changes.length >> 1;
        for (const { tenantId, change } of given.facts.changes.slice(0, middle + 1)) half.apply(tenantId, change);
        for (const { subject, action, resource, context } of given.requests) {
          const about = context ? { context } : {};
          for (const [facts, like] of [
            [now, now],
            [history.at(middle), half.tenant(given.facts.tenantId)],
          ] as readonly (readonly [TenantFacts, TenantFacts])[]) {
            for (const type of types) {
              const may = (id: string) => ({
                subject: evaluate(policy, like, { subject: { type, id }, action, resource, ...about }, given.nowMs)
                  .decision,
                resource: evaluate(policy, like, { subject, action, resource: { type, id }, ...about }, given.nowMs)
                  .decision,
              });
              const subjects = searchSubjects(policy, facts, { type, action, resource, ...about }, given.nowMs);
              const resources = searchResources(policy, facts, { type, action, subject, ...about }, given.nowMs);
              expect(subjects).toEqual(like.subjectIds(type).filter((id) => may(id).subject));
              expect(resources).toEqual(like.resourceIds(type).filter((id) => may(id).resource));
              seen.found += subjects.length + resources.length;
              seen.left +=
                facts.subjectIds(type).length -
                subjectCandidates(policy, facts, { type, action, resource }).length +
                facts.resourceIds(type).length -
                resourceCandidates(policy, facts, { type, action, subject }).length;
            }
            expect(searchActions(policy, facts, { subject, resource, ...about }, given.nowMs)).toEqual(
              policy.actions.filter(
                (name) =>
                  evaluate(policy, like, { subject, action: { name }, resource, ...about }, given.nowMs).decision,
              ),
            );
          }
        }
      }),
      { numRuns: 250 },
    );
    // A search that never finds, or never leaves anything out, would prove nothing.
    expect(seen.found).toBeGreaterThan(500);
    expect(seen.left).toBeGreaterThan(500);
  });

  it('decides about few of many', () => {
    const facts = new LiveFacts();
    const grant = (i: number, scope: '*' | { type: string; id: string }, role = 'viewer') =>
      facts.apply('acme', {
        kind: 'granted',
        grant: { id: `g${i}`, subject: { type: 'user', id: `u${i}` }, role, scope },
      });
    for (let i = 0; i < 2_000; i++) grant(i, { type: 'project', id: `p${i}` });
    grant(5_000, '*', 'admin');
    const tenant = facts.tenant('acme');
    const policy = compile({ digest: 'd' });
    const read = { name: 'logs.read' };
    expect(
      subjectCandidates(policy, tenant, { type: 'user', action: read, resource: { type: 'project', id: 'p7' } }),
    ).toEqual(['u5000', 'u7']);
    expect(
      resourceCandidates(policy, tenant, { type: 'project', action: read, subject: { type: 'user', id: 'u7' } }),
    ).toEqual(['p7']);
    expect(
      resourceCandidates(policy, tenant, { type: 'project', action: read, subject: { type: 'user', id: 'x' } }),
    ).toEqual([]);
  });
});
