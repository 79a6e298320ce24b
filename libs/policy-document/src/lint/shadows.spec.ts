import {
  compile,
  evaluate,
  LiveFacts,
  type PolicyDocument,
  type Request,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lintPolicy } from './lint.js';

/** A world so small that random rules cover each other often, and every question in it can be asked. */
const users = ['u1', 'u2'];
const types = ['doc', 'secret'];
const ids = ['a', 'p/b'];
const actions = ['doc.read', 'doc.write', 'logs.read'];

const one = <T>(...from: T[]) => fc.constantFrom(...from);
const some = <T>(from: readonly T[]) => fc.uniqueArray(fc.constantFrom(...from), { minLength: 1, maxLength: 2 });
const optional = { requiredKeys: [] as never[] };
const oneOrMany = <T>(item: fc.Arbitrary<T>) => fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 2 }));

const labels = one<Record<string, string | string[]>>({}, { tier: 'gold' }, { tier: ['gold', 'low'] }, { tier: '*' });
const who = fc.oneof(
  fc.constant({ anyone: true as const }),
  fc
    .record(
      {
        users: some(users),
        teams: some(['t1', 't2']),
        labels,
        subjects: some(['user/*', 'user/u1', '*']),
        roles: some(['viewer', 'user']),
      },
      optional,
    )
    .filter((given) => Object.keys(given).length > 0),
);
const what = fc.record(
  { types: some(types), resources: some(['doc/*', 'doc/a', 'doc/p/*', '*', 'secret/a']), labels },
  optional,
);
const when = one({}, { 'context.x': 1 }, { 'context.x': { exists: true } });
const targeted = {
  actions: some(['*', 'doc.*', '*.read', ...actions]),
  what: oneOrMany(what),
  when,
};
const selector = fc.record(
  {
    type: fc.constant('selector' as const),
    effect: one('permit' as const, 'forbid' as const),
    who: oneOrMany(who),
    ...targeted,
  },
  { requiredKeys: ['type', 'effect', 'who'] },
);
const access = fc.record(
  {
    type: fc.constant('access' as const),
    mode: one('allow' as const, 'deny' as const),
    patterns: some(['*', 'u1', 'u*', 'user/u1', '*/*']),
    ...targeted,
  },
  { requiredKeys: ['type', 'mode', 'patterns'] },
);
const documents = fc
  .array(fc.oneof(selector, access), { minLength: 2, maxLength: 4 })
  .map((rules) => ({ rules: rules.map((rule, i) => ({ ...rule, id: `r${i}` })) }) as PolicyDocument);

const accessOnly = fc
  .array(access, { minLength: 2, maxLength: 4 })
  .map((rules) => ({ rules: rules.map((rule, i) => ({ ...rule, id: `r${i}` })) }) as PolicyDocument);

function world(): TenantFacts {
  const facts = new LiveFacts();
  const describe_ = (type: string, id: string, labelled: Record<string, string>) =>
    facts.apply('t', {
      kind: 'described',
      facts: { entity: { type, id }, labels: labelled, properties: {}, parents: [] },
    });
  facts.apply('t', { kind: 'joined', group: { type: 'team', id: 't1' }, member: { type: 'user', id: 'u1' } });
  facts.apply('t', {
    kind: 'granted',
    grant: { id: 'g', subject: { type: 'user', id: 'u2' }, role: 'viewer', scope: '*' },
  });
  describe_('user', 'u2', { tier: 'low' });
  describe_('doc', 'a', { tier: 'gold' });
  return facts.tenant('t');
}

const questions: Request[] = [...users.map((id) => ({ type: 'user', id })), { type: 'service', id: 'u1' }].flatMap(
  (subject) =>
    types.flatMap((type) =>
      ids.flatMap((id) =>
        actions.flatMap((name) =>
          [{}, { x: 1 }, { x: 2 }].map((context) => ({ subject, action: { name }, resource: { type, id }, context })),
        ),
      ),
    ),
);

const decisions = (document: PolicyDocument, facts: TenantFacts): string => {
  const policy = compile({ digest: 'd', document });
  return questions.map((question) => (evaluate(policy, facts, question, 0).decision ? '+' : '-')).join('');
};

const without = ({ rules = [] }: PolicyDocument, i: number): PolicyDocument => ({
  rules: rules.filter((_, j) => j !== i),
});
const indexOf = (path: string): number => Number(/^rules\.(\d+)/.exec(path)?.[1]);

describe('what is said of rules is so', () => {
  it('one that is shadowed or repeated can go, and no decision changes', () => {
    const facts = world();
    let seen = 0;
    fc.assert(
      fc.property(documents, (document) => {
        for (const { code, path, message } of lintPolicy(document)) {
          if (code !== 'rule_shadowed' && code !== 'rule_repeated') continue;
          seen += 1;
          expect({ message, is: decisions(without(document, indexOf(path)), facts) }).toEqual({
            message,
            is: decisions(document, facts),
          });
        }
      }),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(30);
  });

  it('a pattern that is allowed and denied can go', () => {
    const facts = world();
    let seen = 0;
    fc.assert(
      fc.property(accessOnly, (document) => {
        for (const { code, path } of lintPolicy(document)) {
          const [, rule, pattern] = /^rules\.(\d+)\.patterns\.(\d+)$/.exec(path) ?? [];
          if (code !== 'contradiction' || rule === undefined) continue;
          seen += 1;
          const rules = (document.rules ?? []).map((given, i) =>
            given.type === 'access' && i === Number(rule)
              ? { ...given, patterns: given.patterns.filter((_, j) => j !== Number(pattern)) }
              : given,
          );
          expect(decisions({ rules }, facts)).toBe(decisions(document, facts));
        }
      }),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(15);
  });
});
