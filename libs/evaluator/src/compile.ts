import { builtinRoles } from './builtin-roles.js';
import { compileCedar } from './cedar/compile-cedar.js';
import { readsOf } from './condition-errors.js';
import { knownActions } from './known-actions.js';
import type { PolicyDocument, PolicyRule, Role } from './model.js';
import { type Plan, planner } from './plan.js';
import { PolicyError, policyErrors } from './policy-errors.js';
import { type CompiledRole, compileRoles } from './roles.js';
import { compileRules, type TenantRule } from './tenant-rules.js';

/** A policy made ready to decide; {@link compile} makes it. Safe to share, since nothing about it changes visibly. */
export interface CompiledPolicy {
  readonly digest: string;
  readonly document?: PolicyDocument;
  /** Built-in and custom, as they were written. */
  readonly roles: readonly Role[];
  /** Paths of the attributes that are recorded with a decision: what the rules read, and what the document adds. Sorted. */
  readonly recorded: readonly string[];
  /** Every action that is named: Gatehouse's own and those of the policy. Sorted. */
  readonly actions: readonly string[];
  /** For the evaluator. */
  readonly planFor: (action: string, type: string) => Plan;
  readonly rolesByName: ReadonlyMap<string, CompiledRole>;
  readonly rules: readonly TenantRule[];
}

const conditionsOf = (roles: readonly Role[], rules: readonly PolicyRule[]) => [
  ...roles.flatMap((role) => role.rules.map(({ when }) => when)),
  ...rules.map((rule) => (rule.type === 'cedar' ? undefined : rule.when)),
];

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort();

function actionsOf(
  roles: readonly Role[],
  rules: readonly PolicyRule[],
  ofCedar: readonly string[],
): readonly string[] {
  const ofRoles = roles.flatMap((role) => role.rules.flatMap(({ actions }) => actions));
  const ofRules = rules.flatMap((rule) => (rule.type === 'cedar' ? [] : (rule.actions ?? [])));
  return sorted([...knownActions, ...ofCedar, ...[...ofRoles, ...ofRules].filter((name) => !name.includes('*'))]);
}

/**
 * Makes a policy ready: the built-in roles and, if there is one, a tenant's document. `digest` names the exact text in
 * evidence; whoever stores the policy computes it. What is said of one action on one type of resource is worked out
 * once and remembered, so a decision looks at nothing else.
 * Throws {@link PolicyError} with everything that is wrong.
 *
 * @example const policy = compile({ digest, document: { roles: [{ name: 'ops', rules: [{ effect: 'permit', actions: ['deploy.*'] }] }] } });
 */
export function compile({ digest, document }: { digest: string; document?: PolicyDocument }): CompiledPolicy {
  const errors = document ? policyErrors(document) : [];
  if (errors.length > 0) throw new PolicyError(errors);
  const roles = [...builtinRoles, ...(document?.roles ?? [])];
  const sources = document?.rules ?? [];
  const rolesByName = compileRoles(roles);
  const rules = compileRules(sources);
  // Cedar's engine is loaded for those who have Cedar text, and for nobody else.
  const cedarRules = sources.filter((rule) => rule.type === 'cedar');
  const cedar = cedarRules.length > 0 ? compileCedar(cedarRules) : undefined;
  return {
    digest,
    ...(document && { document }),
    roles,
    recorded: sorted([
      ...conditionsOf(roles, sources).flatMap(readsOf),
      ...(cedar?.reads ?? []),
      ...(document?.record ?? []),
    ]),
    actions: actionsOf(roles, sources, cedar?.actions ?? []),
    planFor: planner(rolesByName, rules, cedar),
    rolesByName,
    rules,
  };
}
