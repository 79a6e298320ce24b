import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isWithinCeiling } from './ceiling.js';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { LiveFacts } from './facts/live-facts.js';
import { changes, someResource, someRole, someScope, someSubject } from './facts/random-changes.fixture.js';
import type { FactChange, PolicyDocument, PolicyRule, Role, Rule, Scope, Subject } from './model.js';

const tenantId = 'acme';
const ann = { type: 'user', id: 'ann' };
const app = { type: 'project', id: 'app' };

function factsOf(all: readonly FactChange[]): LiveFacts {
  const facts = new LiveFacts();
  for (const change of all) facts.apply(tenantId, change);
  return facts;
}

const holds = (role: string, scope: Scope = '*', id = 'g'): FactChange => ({
  kind: 'granted',
  grant: { id, subject: ann, role, scope },
});

const within = (held: readonly FactChange[], role: string, scope: Scope, document?: PolicyDocument): boolean =>
  isWithinCeiling(
    compile({ digest: 'd', ...(document && { document }) }),
    factsOf(held).tenant(tenantId),
    ann,
    role,
    scope,
  );

describe('nobody grants above himself', () => {
  it.each([
    ['owner', 'owner', true],
    ['owner', 'viewer', true],
    ['admin', 'owner', false],
    ['admin', 'admin', true],
    ['admin', 'maintainer', true],
    ['admin', 'developer', true],
    ['maintainer', 'admin', false],
    ['maintainer', 'developer', true],
    ['developer', 'maintainer', false],
    ['developer', 'user', true],
    ['user', 'viewer', true],
    ['viewer', 'user', false],
    ['owner', 'never heard of', false],
  ])('%s grants %s: %s', (own, role, expected) => {
    expect(within([holds(own)], role, '*')).toBe(expected);
    expect(within([holds(own)], role, app)).toBe(expected);
  });

  it('and not where he holds nothing', () => {
    expect(within([holds('owner', app)], 'viewer', '*')).toBe(false);
    expect(within([holds('owner', app)], 'viewer', app)).toBe(true);
    expect(within([holds('owner', app)], 'viewer', { type: 'project', id: 'other' })).toBe(false);
    expect(within([], 'viewer', app)).toBe(false);
  });

  it('but the owner of a resource shares it and what lies below', () => {
    const owned: FactChange = {
      kind: 'described',
      facts: { entity: app, labels: {}, properties: {}, parents: [], owner: ann },
    };
    const below = { type: 'environment', id: 'prod' };
    const inApp: FactChange = {
      kind: 'described',
      facts: { entity: below, labels: {}, properties: {}, parents: [app] },
    };
    expect(within([owned, inApp], 'maintainer', app)).toBe(true);
    expect(within([owned, inApp], 'maintainer', below)).toBe(true);
    expect(within([owned, inApp], 'maintainer', '*')).toBe(false);
  });

  const permit = (actions: string[], more: Partial<Rule> = {}): Rule => ({ effect: 'permit', actions, ...more });
  const ops: Role = { name: 'ops', rules: [permit(['deploy.*'], { resources: ['project/*'] })] };
  const roles = (rule: Rule): PolicyDocument => ({ roles: [ops, { name: 'given', rules: [rule] }] });

  it.each<[string, Rule, boolean]>([
    ['less', permit(['deploy.preview'], { resources: ['project/app'] }), true],
    ['the same', permit(['deploy.*'], { resources: ['project/*'] }), true],
    ['less, sometimes', permit(['deploy.a'], { resources: ['project/a/*'], when: { 'context.a': 1 } }), true],
    ['more actions', permit(['*'], { resources: ['project/*'] }), false],
    ['more by their ends', permit(['*.preview'], { resources: ['project/*'] }), false],
    ['another type', permit(['deploy.a'], { resources: ['device/a'] }), false],
    ['every type', permit(['deploy.a']), false],
  ])('a custom role that may do %s', (_, rule, expected) => {
    expect(within([holds('ops')], 'given', '*', roles(rule))).toBe(expected);
  });

  it('a permit under a condition contains only the same, and none about who asks', () => {
    const conditional = (when: Rule['when']): PolicyDocument => ({
      roles: [
        { name: 'ops', rules: [permit(['deploy.*'], when && { when })] },
        { name: 'given', rules: [permit(['deploy.*'], { when: { 'context.a': 1 } })] },
        { name: 'personal', rules: [permit(['deploy.*'], { when: { 'subject.a': 1 } })] },
      ],
    });
    expect(within([holds('ops')], 'given', '*', conditional({ 'context.a': 1 }))).toBe(true);
    expect(within([holds('ops')], 'given', '*', conditional({ 'context.a': 2 }))).toBe(false);
    expect(within([holds('ops')], 'personal', '*', conditional({ 'subject.a': 1 }))).toBe(false);
    expect(within([holds('ops')], 'personal', '*', conditional(undefined))).toBe(true);
  });

  it('a custom role does not make a granter of guarded actions', () => {
    const all: PolicyDocument = { roles: [{ name: 'ops', rules: [permit(['*'])] }] };
    expect(within([holds('ops')], 'ops', '*', all)).toBe(true);
    expect(within([holds('ops')], 'owner', '*', all)).toBe(false);
    expect(within([holds('ops')], 'viewer', '*', all)).toBe(false);
  });

  it('what is forbidden to the granter alone he can’t hand out', () => {
    const barred = (who: PolicyRule & { readonly type: 'selector' }): PolicyDocument => ({ rules: [who] });
    const forbid = { type: 'selector', id: 'no', effect: 'forbid', actions: ['deploy.*'] } as const;
    expect(within([holds('admin')], 'maintainer', '*', barred({ ...forbid, who: { users: ['ann'] } }))).toBe(false);
    expect(within([holds('admin')], 'viewer', '*', barred({ ...forbid, who: { users: ['ann'] } }))).toBe(true);
    expect(within([holds('admin')], 'maintainer', '*', barred({ ...forbid, who: { users: ['bob'] } }))).toBe(true);
    expect(within([holds('admin')], 'maintainer', '*', barred({ ...forbid, who: { anyone: true } }))).toBe(true);
    expect(within([holds('admin')], 'maintainer', '*', barred({ ...forbid, who: { roles: ['admin'] } }))).toBe(false);
  });
});

describe('whoever passes', () => {
  const actionPattern = fc.constantFrom('*', 'doc.*', '*.read', 'doc.read', 'doc.write', 'role.grant', 'policy.*');
  const resourcePattern = fc.constantFrom('*', 'project/*', 'project/1', 'document/*', 'document/2', 'role/*');
  const when = fc.constantFrom<NonNullable<Rule['when']>>(
    { 'context.a': 1 },
    { 'resource.labels.env': 'prod' },
    { 'subject.a': { exists: true } },
    { not: { 'context.a': 1 } },
  );
  const rule: fc.Arbitrary<Rule> = fc.record(
    {
      effect: fc.constantFrom('permit', 'permit', 'permit', 'forbid'),
      actions: fc.array(actionPattern, { minLength: 1, maxLength: 2 }),
      resources: fc.array(resourcePattern, { minLength: 1, maxLength: 2 }),
      when,
    },
    { requiredKeys: ['effect', 'actions'] },
  );
  const roles = fc
    .tuple(fc.array(rule, { maxLength: 3 }), fc.array(rule, { maxLength: 2 }))
    .map(([ops, other]): Role[] => [
      { name: 'ops', rules: ops },
      { name: 'other', inherits: ['ops'], rules: other },
    ]);
  const who = fc.constantFrom(
    { anyone: true as const },
    { users: ['1'] },
    { teams: ['a'] },
    { roles: ['ops'] },
    { roles: ['owner'] },
    { labels: { env: 'prod' } },
    { relations: ['reader'] },
    { subjects: ['service/*'] },
    { orgs: ['acme'] },
  );
  const rules: fc.Arbitrary<PolicyRule[]> = fc.uniqueArray(
    fc.record(
      {
        type: fc.constant('selector' as const),
        id: fc.constantFrom('x', 'y', 'z'),
        effect: fc.constantFrom('permit' as const, 'forbid' as const),
        who,
        actions: fc.array(actionPattern, { minLength: 1, maxLength: 1 }),
        when,
      },
      { requiredKeys: ['type', 'id', 'effect', 'who', 'actions'] },
    ),
    { selector: ({ id }) => id, maxLength: 2 },
  );

  it('can do everything that the role permits there', () => {
    let passed = 0;
    let permitted = 0;
    const newcomer: Subject = { type: 'service', id: 'new' };
    const question = fc.record({
      action: fc.constantFrom('doc.read', 'doc.write', 'other', 'role.grant', 'policy.read', 'tenant.read'),
      resource: someResource,
      context: fc.constantFrom({}, { a: 1 }, { a: 2 }),
    });
    fc.assert(
      fc.property(
        fc.record({ roles, rules }),
        changes(25),
        someSubject,
        fc.oneof(someRole, fc.constantFrom('ops', 'other')),
        someScope,
        fc.array(question, { minLength: 12, maxLength: 12 }),
        (document, all, granter, role, scope, questions) => {
          const policy = compile({ digest: 'd', document });
          const facts = factsOf(all);
          if (!isWithinCeiling(policy, facts.tenant(tenantId), granter, role, scope)) return;
          passed++;
          const granted: FactChange = { kind: 'granted', grant: { id: 'new', subject: newcomer, role, scope } };
          const after = factsOf([...all, granted]);
          for (const { action, ...rest } of questions) {
            const ask = (subject: Subject) => ({ ...rest, subject, action: { name: action } });
            const found = evaluate(policy, after.tenant(tenantId), ask(newcomer), 0);
            // What the rules of the document permit anybody is not the role's doing.
            if (!found.decision || !found.matched.some((match) => 'grant' in match && match.grant === 'new')) continue;
            permitted++;
            expect([ask(granter), evaluate(policy, facts.tenant(tenantId), ask(granter), 0).decision]).toEqual([
              ask(granter),
              true,
            ]);
          }
        },
      ),
      { numRuns: 20_000 },
    );
    expect(passed).toBeGreaterThan(200);
    expect(permitted).toBeGreaterThan(200);
  });
});
