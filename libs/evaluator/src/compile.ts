import type { FieldError, Resource, Role, Rule } from './model.js';
import {
  type ActionPattern,
  actionPattern,
  matchesAction,
  matchesResource,
  type ResourcePattern,
  resourcePattern,
} from './pattern.js';

/** `digest` names the exact text of the roles in evidence; whoever stores the policy computes it. */
export interface Policy {
  readonly digest: string;
  readonly roles: readonly Role[];
}

/** Bounds of a policy: a mistake in one must not make every decision slow. */
export const policyLimits = { roles: 256, rulesPerRole: 256, patternsPerRule: 64 } as const;

/** The policy cannot be compiled; `errors` says all that is wrong, by path such as `roles.0.rules.2.actions.1`. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(readonly errors: readonly FieldError[]) {
    super(`policy has ${errors.length} errors, first: ${errors[0]?.path} ${errors[0]?.message}`);
  }
}

export interface CompiledRule {
  readonly effect: Rule['effect'];
  readonly index: number;
  /** Absent: every resource. */
  readonly resources: readonly ResourcePattern[] | undefined;
}

/** The rules that speak of one action, by role. */
export type ActionRules = ReadonlyMap<string, readonly CompiledRule[]>;

/** A policy made ready to decide; {@link compile} makes it. Safe to share, since nothing about it changes visibly. */
export interface CompiledPolicy {
  readonly digest: string;
  readonly rulesFor: (action: string) => ActionRules;
}

interface PreparedRule extends CompiledRule {
  readonly actions: readonly ActionPattern[];
}

const roleName = /^[a-z][a-z0-9_-]{0,63}$/;

/** Callers choose action names, so what is remembered by them is bounded. A policy has a few hundred at most. */
const rememberedActions = 4_096;

function patternErrors(
  sources: readonly string[],
  path: string,
  compileOne: (source: string) => unknown,
): FieldError[] {
  if (sources.length === 0) return [{ path, message: 'must not be empty' }];
  if (sources.length > policyLimits.patternsPerRule) {
    return [{ path, message: `must have at most ${policyLimits.patternsPerRule} patterns` }];
  }
  return sources.flatMap((source, i) =>
    compileOne(source) ? [] : [{ path: `${path}.${i}`, message: 'is no pattern' }],
  );
}

function roleErrors(role: Role, path: string): FieldError[] {
  if (role.rules.length > policyLimits.rulesPerRole) {
    return [{ path: `${path}.rules`, message: `must have at most ${policyLimits.rulesPerRole} rules` }];
  }
  const name = roleName.test(role.name) ? [] : [{ path: `${path}.name`, message: 'must be a lower-case word' }];
  const rules = role.rules.flatMap((rule, i) => [
    ...patternErrors(rule.actions, `${path}.rules.${i}.actions`, actionPattern),
    ...(rule.resources ? patternErrors(rule.resources, `${path}.rules.${i}.resources`, resourcePattern) : []),
  ]);
  return [...name, ...rules];
}

/** All that keeps a policy from being compiled; empty if nothing does. */
export function policyErrors(policy: Policy): readonly FieldError[] {
  if (policy.roles.length > policyLimits.roles) {
    return [{ path: 'roles', message: `must have at most ${policyLimits.roles} roles` }];
  }
  const names = policy.roles.map((role) => role.name);
  const twice = names.flatMap((name, i) =>
    names.indexOf(name) === i ? [] : [{ path: `roles.${i}.name`, message: 'is the name of another role' }],
  );
  return [...twice, ...policy.roles.flatMap((role, i) => roleErrors(role, `roles.${i}`))];
}

const present = <T>(value: T | undefined): value is T => value !== undefined;

const prepare = (rule: Rule, index: number): PreparedRule => ({
  effect: rule.effect,
  index,
  actions: rule.actions.map(actionPattern).filter(present),
  resources: rule.resources?.map(resourcePattern).filter(present),
});

function selectRules(roles: ReadonlyMap<string, readonly PreparedRule[]>, action: string): ActionRules {
  const selected = new Map<string, readonly CompiledRule[]>();
  for (const [name, rules] of roles) {
    const speaking = rules.filter((rule) => rule.actions.some((pattern) => matchesAction(pattern, action)));
    if (speaking.length > 0) selected.set(name, speaking);
  }
  return selected;
}

/**
 * Indexes a policy by action. Patterns of actions are matched once per name and remembered, so a decision looks at the
 * rules of the subject's roles that speak of its action and at no others.
 * Throws {@link PolicyError} with everything that is wrong.
 *
 * @example const policy = compile({ digest, roles: builtinRoles });
 */
export function compile(policy: Policy): CompiledPolicy {
  const errors = policyErrors(policy);
  if (errors.length > 0) throw new PolicyError(errors);
  // By name, so that what is answered does not depend on the order of roles.
  const names = policy.roles.map((role) => [role.name, role.rules.map(prepare)] as const);
  const roles = new Map(names.sort(([a], [b]) => (a < b ? -1 : 1)));
  const remembered = new Map<string, ActionRules>();

  function rulesFor(action: string): ActionRules {
    const known = remembered.get(action);
    if (known) return known;
    const selected = selectRules(roles, action);
    // Emptied rather than closed when full, or a flood of invented names would make the real ones slow for ever.
    if (remembered.size >= rememberedActions) remembered.clear();
    remembered.set(action, selected);
    return selected;
  }
  return { digest: policy.digest, rulesFor };
}

/** Whether a rule that speaks of the action applies to the resource. */
export function appliesTo(rule: CompiledRule, resource: Resource): boolean {
  if (!rule.resources) return true;
  for (const pattern of rule.resources) if (matchesResource(pattern, resource)) return true;
  return false;
}
