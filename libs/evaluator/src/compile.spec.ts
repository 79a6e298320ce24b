import { describe, expect, it } from '@jest/globals';
import { builtinRoles } from './builtin-roles.js';
import { compile } from './compile.js';
import type { Role, Rule } from './model.js';
import { PolicyError, policyErrors, policyLimits } from './policy-errors.js';

const ruleOf = (rule: Partial<Rule>): Role => ({ name: 'ops', rules: [{ effect: 'permit', actions: ['a'], ...rule }] });
const pathsOf = (roles: readonly Role[]): string[] => policyErrors({ roles }).map((error) => error.path);

describe('compile', () => {
  it('takes the built-in roles and keeps the digest', () => {
    expect(compile({ digest: 'sha256:1' })).toMatchObject({ digest: 'sha256:1', roles: builtinRoles, recorded: [] });
    expect(pathsOf([ruleOf({})])).toEqual([]);
  });

  it.each(['', '**', 'deploy*', '*read', 'a.*.b', '.*', '*.', '*.a.*', 'a\n', 'a\u2028b'])(
    'refuses the action pattern %p',
    (pattern) => {
      expect(pathsOf([ruleOf({ actions: ['a', pattern] })])).toEqual(['roles.0.rules.0.actions.1']);
    },
  );

  it.each(['', '/', 'project/', '/*', '*/app', 'pro*/app', 'project/a*', 'project/*/b', 'project/*/*', 'two words'])(
    'refuses the resource pattern %p',
    (pattern) => {
      expect(pathsOf([ruleOf({ resources: [pattern] })])).toEqual(['roles.0.rules.0.resources.0']);
    },
  );

  it('refuses empty lists, doubled and ill-formed names, and what is beyond its bounds', () => {
    const many = (n: number) => Array.from({ length: n }, () => 'a');
    expect(pathsOf([ruleOf({ actions: [] })])).toEqual(['roles.0.rules.0.actions']);
    expect(pathsOf([ruleOf({ resources: [] })])).toEqual(['roles.0.rules.0.resources']);
    expect(pathsOf([ruleOf({}), ruleOf({})])).toEqual(['roles.1.name']);
    expect(pathsOf([{ name: 'Not A Word', rules: [] }])).toEqual(['roles.0.name']);
    expect(pathsOf([ruleOf({ actions: many(policyLimits.patternsPerRule + 1) })])).toEqual(['roles.0.rules.0.actions']);
    const rules = many(policyLimits.rulesPerRole + 1).map((): Rule => ({ effect: 'permit', actions: ['a'] }));
    expect(pathsOf([{ name: 'ops', rules }])).toEqual(['roles.0.rules']);
    const roles = many(policyLimits.roles + 1).map((_, i): Role => ({ name: `r${i}`, rules: [] }));
    expect(pathsOf(roles)).toEqual(['roles']);
  });

  it('throws all errors at once', () => {
    const bad = { digest: 'd', document: { roles: [ruleOf({ actions: ['**'], resources: ['/'] })] } };
    expect(() => compile(bad)).toThrow(PolicyError);
    expect(() => compile(bad)).toThrow('policy has 2 errors, first: roles.0.rules.0.actions.0 is no pattern');
  });
});
