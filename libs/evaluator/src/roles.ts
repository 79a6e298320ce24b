import { builtinRoleNames } from './builtin-roles.js';
import { type Compiled, compileCondition } from './condition.js';
import type { Effect, Role, Rule } from './model.js';
import { actionPattern, compilePatterns, type ResourcePattern, resourcePattern, type TextPattern } from './pattern.js';

/** One rule of a role as it counts: its number is its place among the own and the inherited rules. */
export interface RoleRule {
  readonly effect: Effect;
  readonly number: number;
  readonly source: Rule;
  readonly actions: readonly TextPattern[];
  /** Absent: every resource. */
  readonly resources: readonly ResourcePattern[] | undefined;
  readonly when: Compiled | undefined;
}

export interface CompiledRole {
  readonly name: string;
  readonly isBuiltin: boolean;
  readonly rules: readonly RoleRule[];
}

const builtin: ReadonlySet<string> = new Set(builtinRoleNames);

/** Its own rules, then those it inherits, role by role in depth, each role once. */
function allRules(role: Role, byName: ReadonlyMap<string, Role>, seen: Set<string>): Rule[] {
  if (seen.has(role.name)) return [];
  seen.add(role.name);
  const inherited = (role.inherits ?? []).flatMap((name) => {
    const from = byName.get(name);
    return from ? allRules(from, byName, seen) : [];
  });
  return [...role.rules, ...inherited];
}

const compileRule = (source: Rule, number: number): RoleRule => ({
  effect: source.effect,
  number,
  source,
  actions: compilePatterns(source.actions, actionPattern),
  resources: source.resources && compilePatterns(source.resources, resourcePattern),
  when: source.when && compileCondition(source.when),
});

/** By name, in the order of names. */
export function compileRoles(roles: readonly Role[]): ReadonlyMap<string, CompiledRole> {
  const byName = new Map(roles.map((role) => [role.name, role]));
  const compiled = roles.map((role) => ({
    name: role.name,
    isBuiltin: builtin.has(role.name),
    rules: allRules(role, byName, new Set()).map(compileRule),
  }));
  return new Map(compiled.sort((a, b) => (a.name < b.name ? -1 : 1)).map((role) => [role.name, role]));
}
