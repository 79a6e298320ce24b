import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compile } from './compile.js';
import { evaluate } from './evaluate.js';
import { LiveFacts } from './facts/live-facts.js';
import { type Decision, type Grant, maxMatched, type Request, type Resource, type Role, type Rule } from './model.js';
import { needed } from './needed.js';

const tenantId = 'acme';

function index(grants: readonly Grant[]): LiveFacts {
  const into = new LiveFacts();
  for (const grant of grants) into.apply(tenantId, { kind: 'granted', grant });
  return into;
}

const decide = (roles: readonly Role[], grants: readonly Grant[], request: Request): Decision =>
  evaluate(compile({ digest: 'd', document: { roles } }), index(grants).tenant(tenantId), request, 0);

/** Written from the description of the rules alone, without index or compilation, and slow. */
function naive(
  roles: readonly Role[],
  grants: readonly Grant[],
  request: Request,
): { decision: boolean; reason: string } {
  const { type, id } = request.resource;
  const words = request.action.name.split('.');
  const actionFits = (pattern: string): boolean => {
    const want = pattern.split('.');
    if (want.at(-1) !== '*') return pattern === request.action.name;
    return words.length >= want.length && want.slice(0, -1).every((word, i) => word === words[i]);
  };
  const resourceFits = (pattern: string): boolean => {
    if (pattern === '*') return true;
    const full = pattern.includes('/') ? pattern : `scope/${pattern}`;
    const [wantType, ...rest] = full.split('/');
    const wantId = rest.join('/');
    return wantType === type && (wantId.endsWith('*') ? id.startsWith(wantId.slice(0, -1)) : wantId === id);
  };
  const mine = grants.filter((g) => g.subject.type === request.subject.type && g.subject.id === request.subject.id);
  const held = mine.filter((g) => g.scope === '*' || (g.scope.type === type && g.scope.id === id));
  const rules = held.flatMap((g) => roles.filter((role) => role.name === g.role).flatMap((role) => role.rules));
  const effects = rules
    .filter((rule) => rule.actions.some(actionFits) && (rule.resources ?? ['*']).some(resourceFits))
    .map((rule) => rule.effect);
  if (effects.includes('forbid')) return { decision: false, reason: 'forbidden' };
  if (effects.includes('permit')) return { decision: true, reason: 'permitted' };
  return { decision: false, reason: mine.length > 0 ? 'no_permit' : 'no_grant' };
}

/** Few words, so that grants, rules and requests meet often. */
const word = fc.constantFrom('a', 'b', 'ab');
const actionName = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('.'));
const actionSource = fc.oneof(
  actionName,
  actionName.map((name) => `${name}.*`),
  fc.constant('*'),
);
const resource: fc.Arbitrary<Resource> = fc.record({
  type: fc.constantFrom('scope', 'project'),
  id: fc.array(word, { minLength: 1, maxLength: 2 }).map((words) => words.join('/')),
});
const resourceSource = fc.oneof(
  word,
  resource.map((r) => `${r.type}/${r.id}`),
  resource.map((r) => `${r.type}/${r.id}/*`),
  fc.constantFrom('*', 'scope/*', 'project/*'),
);
const effect = fc.constantFrom<Rule['effect'][]>('permit', 'permit', 'forbid');
const rule: fc.Arbitrary<Rule> = fc.record(
  {
    effect,
    actions: fc.array(actionSource, { minLength: 1, maxLength: 3 }),
    resources: fc.array(resourceSource, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['effect', 'actions'] },
);
const roleName = fc.constantFrom('r1', 'r2', 'r3', 'r4');
const roles = fc.uniqueArray(fc.record({ name: roleName, rules: fc.array(rule, { maxLength: 4 }) }), {
  selector: (role) => role.name,
  maxLength: 4,
});
const subject = fc.record({ type: fc.constantFrom('user', 'service'), id: fc.constantFrom('1', '2') });
const grants = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 99 }).map(String),
    subject,
    role: roleName,
    scope: fc.oneof(fc.constant('*' as const), resource),
  }),
  { selector: (grant) => grant.id, maxLength: 12 },
);
const request: fc.Arbitrary<Request> = fc.record({ subject, action: actionName.map((name) => ({ name })), resource });

describe('evaluate: properties', () => {
  it('answers as the naive evaluator does', () => {
    const reasons = new Map<string, number>();
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        const { decision, reason } = decide(r, g, q);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        expect({ decision, reason }).toEqual(naive(r, g, q));
      }),
      { numRuns: 5_000 },
    );
    // A differential test that never meets one of the answers compares nothing.
    for (const reason of ['permitted', 'forbidden', 'no_permit', 'no_grant']) {
      expect(reasons.get(reason) ?? 0).toBeGreaterThan(50);
    }
  });

  it('does not depend on the order of roles and grants', () => {
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        expect(decide([...r].reverse(), [...g].reverse(), q)).toEqual(decide(r, g, q));
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not depend on the order of rules, but for their numbers', () => {
    const unnumbered = (d: Decision) => ({ ...d, matched: d.matched.map((each) => ({ ...each, rule: 0 })) });
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        const turned = r.map((role) => ({ ...role, rules: [...role.rules].reverse() }));
        const [a, b] = [decide(r, g, q), decide(turned, g, q)];
        expect([b.decision, b.reason]).toEqual([a.decision, a.reason]);
        if (a.matched.length < maxMatched) expect(unnumbered(b)).toEqual(unnumbered(a));
      }),
      { numRuns: 1_000 },
    );
  });

  it('denies whatever a forbid matches, whoever else permits', () => {
    const forbid: Role = { name: 'r9', rules: [{ effect: 'forbid', actions: ['*'] }] };
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        const barred: Grant = { id: 'barred', subject: q.subject, role: 'r9', scope: q.resource };
        const found = decide([...r, forbid], [...g, barred], q);
        expect([found.decision, found.reason]).toEqual([false, 'forbidden']);
        expect(found.matched.some((m) => 'grant' in m && m.grant === 'barred')).toBe(true);
      }),
    );
  });

  it('denies without grants, and in every tenant but the one of the grants', () => {
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        expect(decide(r, [], q)).toMatchObject({ decision: false, reason: 'no_grant', matched: [] });
        const elsewhere = evaluate(compile({ digest: 'd', document: { roles: r } }), index(g).tenant('other'), q, 0);
        expect(elsewhere).toMatchObject({ decision: false, reason: 'no_grant', matched: [] });
      }),
    );
  });

  it('names needed roles that do permit when granted', () => {
    fc.assert(
      fc.property(roles, grants, request, (r, g, q) => {
        const policy = compile({ digest: 'd', document: { roles: r } });
        const found = needed(policy, index(g).tenant(tenantId), q, 0).roles;
        const permitting = policy.roles
          .map((role) => role.name)
          .filter((role) => decide(r, [{ id: 'n', subject: q.subject, role, scope: '*' }], q).decision);
        expect(found).toEqual(permitting.sort());
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers any text without throwing', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('__proto__', 'constructor', 'toString', '*', '', '\ud800'),
    );
    const any = fc.record({
      subject: fc.record({ type: text, id: text }),
      action: fc.record({ name: text }),
      resource: fc.record({ type: text, id: text }),
    });
    const permitAll: Role = { name: 'r1', rules: [{ effect: 'permit', actions: ['a', 'b.*'], resources: ['*'] }] };
    fc.assert(
      fc.property(any, text, text, (q, role, id) => {
        expect(decide([permitAll], [{ id, subject: q.subject, role, scope: '*' }], q).decision).toBe(
          role === 'r1' && (q.action.name === 'a' || q.action.name.startsWith('b.')),
        );
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('evaluate: cases', () => {
  const who = { type: 'user', id: 'u_7' };
  const ask = (name: string, type: string, id: string): Request => ({
    subject: who,
    action: { name },
    resource: { type, id },
  });
  const held = (role: string, scope: Grant['scope'] = '*', id = 'g_1'): Grant => ({ id, subject: who, role, scope });

  it('tells which rule of which role and grant matched', () => {
    const r: Role = {
      name: 'ops',
      rules: [
        { effect: 'permit', actions: ['logs.read'] },
        { effect: 'permit', actions: ['deploy.*'] },
        { effect: 'forbid', actions: ['deploy.production'], resources: ['project/frozen'] },
      ],
    };
    expect(decide([r], [held('ops')], ask('deploy.production', 'project', 'app-web'))).toEqual({
      decision: true,
      reason: 'permitted',
      matched: [{ effect: 'permit', role: 'ops', rule: 1, grant: 'g_1' }],
    });
    expect(decide([r], [held('ops')], ask('deploy.production', 'project', 'frozen'))).toEqual({
      decision: false,
      reason: 'forbidden',
      matched: [
        { effect: 'forbid', role: 'ops', rule: 2, grant: 'g_1' },
        { effect: 'permit', role: 'ops', rule: 1, grant: 'g_1' },
      ],
    });
  });

  it.each([
    ['deploy.*', 'deploy', false],
    ['deploy.*', 'deploy.a.b', true],
    ['deploy.*', 'deployment.a', false],
    ['deploy', 'deploy.a', false],
    ['*', 'deploy.a.b.c', true],
  ])('matches the action pattern %s with %s: %p', (pattern, action, expected) => {
    const r: Role = { name: 'ops', rules: [{ effect: 'permit', actions: [pattern] }] };
    expect(decide([r], [held('ops')], ask(action, 'a', 'b')).decision).toBe(expected);
  });

  it.each([
    ['production', 'scope', 'production', true],
    ['production', 'project', 'production', false],
    ['secret/staging/*', 'secret', 'staging/DB', true],
    ['secret/staging/*', 'secret', 'staging', false],
    ['secret/staging/*', 'secret', 'staging-eu/DB', false],
    ['project/*', 'project', 'a/b', true],
    ['project/*', 'projects', 'a', false],
    ['project/a/b', 'project/a', 'b', false],
  ])('matches the resource pattern %s with %s and %s: %p', (pattern, type, id, expected) => {
    const r: Role = { name: 'ops', rules: [{ effect: 'permit', actions: ['*'], resources: [pattern] }] };
    expect(decide([r], [held('ops')], ask('x', type, id)).decision).toBe(expected);
  });

  it('lets a grant on a resource reach that resource and nothing below it or of like name', () => {
    const r: Role = { name: 'ops', rules: [{ effect: 'permit', actions: ['*'] }] };
    const on = [held('ops', { type: 'project', id: 'app' })];
    expect(decide([r], on, ask('x', 'project', 'app')).decision).toBe(true);
    for (const [type, id] of [
      ['project', 'app/env'],
      ['project', 'app2'],
      ['runtime', 'app'],
      ['project/app', ''],
    ] as const) {
      expect(decide([r], on, ask('x', type, id)).decision).toBe(false);
    }
  });

  it('keeps evidence bounded and the forbids in it', () => {
    const permitRole: Role = { name: 'ops', rules: [{ effect: 'permit', actions: ['*'] }] };
    const forbidRole: Role = { name: 'barred', rules: [{ effect: 'forbid', actions: ['*'] }] };
    const many = Array.from({ length: 500 }, (_, i) => held('ops', '*', `g_${i}`));
    const found = decide([permitRole, forbidRole], [...many, held('barred', '*', 'z')], ask('x', 'a', 'b'));
    expect(found.matched).toHaveLength(maxMatched);
    expect(found.matched[0]).toEqual({ effect: 'forbid', role: 'barred', rule: 0, grant: 'z' });
  });

  it('decides the same after a flood of invented actions', () => {
    const r: Role = { name: 'ops', rules: [{ effect: 'permit', actions: ['deploy.*'] }] };
    const policy = compile({ digest: 'd', document: { roles: [r] } });
    const facts = index([held('ops')]).tenant(tenantId);
    for (let i = 0; i < 10_000; i++) expect(evaluate(policy, facts, ask(`x${i}`, 'a', 'b'), 0).decision).toBe(false);
    expect(evaluate(policy, facts, ask('deploy.production', 'a', 'b'), 0).decision).toBe(true);
  });
});

describe('groups', () => {
  const subject = { type: 'user', id: 'u_7' };
  const team = { type: 'team', id: 'web' };
  const roles = [{ name: 'ops', rules: [{ effect: 'permit' as const, actions: ['logs.read'] }] }];
  const request = { subject, action: { name: 'logs.read' }, resource: { type: 'project', id: 'p' } };
  const granted = { kind: 'granted', grant: { id: 'g', subject: team, role: 'ops', scope: '*' } } as const;

  it('give their members what they hold, in their own tenant and while they belong to them', () => {
    const facts = new LiveFacts();
    facts.apply('acme', granted);
    const policy = compile({ digest: 'd', document: { roles } });
    const decide = (tenant: string) => evaluate(policy, facts.tenant(tenant), request, 0).reason;
    expect(decide('acme')).toBe('no_grant');
    facts.apply('other', { kind: 'joined', group: team, member: subject });
    expect(decide('acme')).toBe('no_grant');
    facts.apply('acme', { kind: 'joined', group: team, member: subject });
    expect([decide('acme'), decide('other')]).toEqual(['permitted', 'no_grant']);
    facts.apply('acme', { kind: 'left', group: team, member: subject });
    expect(decide('acme')).toBe('no_grant');
  });
});
