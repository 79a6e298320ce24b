import { compile, evaluate, LiveFacts, type PolicyDocument } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { builtinPolicy } from '../roles.js';
import { type Cell, cellOf, namedTypes, otherTypes, rowOf } from './matrix.js';

const policyOf = (document: PolicyDocument) => compile({ digest: 'sha256:test', document });
const subject = { type: 'user', id: 'u' };

const factsOf = (role: string) => {
  const live = new LiveFacts();
  live.apply('t', { kind: 'granted', grant: { id: 'g', subject, role, scope: '*' } });
  return live.tenant('t');
};

describe('the access matrix', () => {
  it.each<[string, string, string, Cell]>([
    ['owner', 'tenant.close', otherTypes, 'permit'],
    ['maintainer', 'deploy.production', otherTypes, 'permit'],
    ['maintainer', 'billing.manage', otherTypes, 'none'],
    ['developer', 'deploy.production', otherTypes, 'none'],
    ['developer', 'secret.write', 'scope', 'some'],
    ['developer', 'secret.read', 'secret', 'some'],
    ['maintainer', 'secret.read', 'secret', 'permit'],
    ['maintainer', 'seal.write', otherTypes, 'none'],
    ['developer', 'secret.write', otherTypes, 'none'],
    ['viewer', 'logs.read', otherTypes, 'permit'],
    ['admin', 'role.grant', 'role', 'some'],
  ])('%s %s on %s: %s', (role, action, type, cell) => expect(cellOf(builtinPolicy, role, action, type)).toBe(cell));

  const custom = policyOf({
    roles: [
      { name: 'operator', inherits: ['maintainer'], rules: [{ effect: 'forbid', actions: ['deploy.production'] }] },
      {
        name: 'guest',
        rules: [
          { effect: 'permit', actions: ['door.open'], when: { 'time.hour': { gte: 8 } } },
          { effect: 'permit', actions: ['policy.*', 'role.*', 'tenant.*'] },
          { effect: 'forbid', actions: ['role.read'] },
        ],
      },
    ],
    rules: [
      { id: 'r1', type: 'selector', effect: 'permit', actions: ['page.read'], who: { anyone: true } },
      { id: 'r2', type: 'selector', effect: 'forbid', actions: ['page.read'], who: { roles: ['guest'] } },
      {
        id: 'r3',
        type: 'selector',
        effect: 'permit',
        actions: ['page.write'],
        who: { roles: ['guest'], teams: ['a'] },
      },
      { id: 'r4', type: 'selector', effect: 'permit', actions: ['page.print'], who: { users: ['ann'] } },
      {
        id: 'r5',
        type: 'selector',
        effect: 'permit',
        actions: ['file.read'],
        who: { anyone: true },
        what: { types: ['file'], labels: { public: 'yes' } },
      },
    ],
  });

  it.each<[string, string, string, Cell]>([
    ['operator', 'deploy.production', otherTypes, 'forbid'],
    ['operator', 'deploy.preview', otherTypes, 'permit'],
    ['guest', 'door.open', otherTypes, 'conditional'],
    ['guest', 'policy.activate', otherTypes, 'none'],
    ['guest', 'tenant.close', otherTypes, 'none'],
    ['guest', 'role.read', otherTypes, 'forbid'],
    ['guest', 'page.read', otherTypes, 'forbid'],
    ['viewer', 'page.read', otherTypes, 'permit'],
    ['guest', 'page.write', otherTypes, 'conditional'],
    ['viewer', 'page.write', otherTypes, 'none'],
    ['viewer', 'page.print', otherTypes, 'none'],
    ['viewer', 'file.read', 'file', 'some'],
    ['viewer', 'file.read', otherTypes, 'none'],
  ])('with a document: %s %s on %s: %s', (role, action, type, cell) =>
    expect(cellOf(custom, role, action, type)).toBe(cell),
  );

  it('leaves out what a role has nothing of', () => {
    const types = [otherTypes, ...namedTypes(custom)];
    expect(types).toEqual([otherTypes, 'file', 'role', 'scope', 'secret']);
    expect(rowOf(custom, 'viewer', 'billing.manage', types)).toEqual({});
    expect(rowOf(custom, 'viewer', 'file.read', types)).toEqual({ file: 'some' });
    expect(rowOf(custom, 'viewer', 'logs.read', types)).toEqual(
      Object.fromEntries(types.map((type) => [type, 'permit'])),
    );
  });

  const action = fc.constantFrom('a.x', 'a.y', 'role.x', 'policy.x', 'tenant.x');
  const rule = fc.record(
    {
      effect: fc.constantFrom('permit' as const, 'forbid' as const),
      actions: fc.array(fc.oneof(action, fc.constantFrom('*', 'a.*', '*.x')), { minLength: 1, maxLength: 3 }),
      resources: fc.array(fc.constantFrom('*', 't/*', 't/one', 'u/*', 'word'), { minLength: 1, maxLength: 3 }),
      when: fc.constantFrom({ 'context.a': 1 }, { 'context.b': { exists: true } }),
    },
    { requiredKeys: ['effect', 'actions'] },
  );

  it('says what a decision says, for whoever holds the role and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 4 }),
        fc.constantFrom([], ['viewer'], ['owner']),
        action,
        fc.constantFrom('t', 'u', 'scope', 'v'),
        fc.constantFrom('one', 'two', 'word'),
        fc.constantFrom({}, { a: 1 }, { a: 2, b: 3 }),
        (rules, inherits, name, type, id, context) => {
          const policy = policyOf({ roles: [{ name: 'custom', rules, inherits }] });
          const cell = cellOf(policy, 'custom', name, type);
          const request = { subject, action: { name }, resource: { type, id }, context };
          const { decision, reason } = evaluate(policy, factsOf('custom'), request, 0);
          if (cell === 'permit') expect(decision).toBe(true);
          if (cell === 'forbid') expect(reason).toBe('forbidden');
          if (cell === 'none') expect(decision).toBe(false);
          if (cell === 'some') expect(rules.some(({ resources }) => resources)).toBe(true);
          if (cell === 'conditional') expect(rules.some(({ when }) => when)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
