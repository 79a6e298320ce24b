import type { CedarSlice, CompiledCedar } from './cedar/compile-cedar.js';
import type { Compiled } from './condition.js';
import type { Effect } from './model.js';
import { compilePatterns, matchesText, resourcePattern, type TextPattern } from './pattern.js';
import type { CompiledRole } from './roles.js';
import { type PlannedRule, RuleIndex } from './rule-index.js';
import { alternatives, compileWhat, type Holds, idsHold } from './targets.js';
import type { TenantRule } from './tenant-rules.js';

/** How far a document may speak of an action. */
export type Guard = 'open' | 'permits' | 'closed';

/** Actions that decide what may be decided: no document widens them. */
export function guardOf(action: string): Guard {
  if (action.startsWith('policy.')) return 'closed';
  return action.startsWith('role.') || action.startsWith('tenant.') ? 'permits' : 'open';
}

/** A role's rule that speaks of the action and may apply to the type. */
export interface PlannedRoleRule {
  readonly effect: Effect;
  readonly number: number;
  readonly what: Holds | undefined;
  readonly when: Compiled | undefined;
}

/** All that a policy has to say of one action on one type of resource. */
export interface Plan {
  readonly guard: Guard;
  readonly roles: ReadonlyMap<string, readonly PlannedRoleRule[]>;
  readonly rules: RuleIndex;
  readonly cedar: CedarSlice | undefined;
}

const speaksOf = (patterns: readonly TextPattern[] | undefined, action: string): boolean =>
  !patterns || patterns.some((pattern) => matchesText(pattern, action));

function planRole(role: CompiledRole, action: string, type: string, guard: Guard): readonly PlannedRoleRule[] {
  if (guard === 'closed' && !role.isBuiltin) return [];
  return role.rules.flatMap(({ effect, number, actions, resources, when }) => {
    if (!speaksOf(actions, action)) return [];
    if (guard === 'permits' && effect === 'permit' && !role.isBuiltin) return [];
    const what = resources && idsHold(resources, type);
    return what === false ? [] : [{ effect, number, what, when }];
  });
}

function planRules(rules: readonly TenantRule[], action: string, type: string, guard: Guard): readonly PlannedRule[] {
  if (guard === 'closed') return [];
  return rules.flatMap(({ source, does, actions, who, when }) => {
    if (!speaksOf(actions, action) || (guard === 'permits' && does.kind === 'permit')) return [];
    const what = compileWhat(source.what, type);
    return what === false ? [] : [{ id: source.id, does, source, what, who, when, visit: 0 }];
  });
}

function makePlan(
  roles: ReadonlyMap<string, CompiledRole>,
  rules: readonly TenantRule[],
  cedar: CompiledCedar | undefined,
  action: string,
  type: string,
): Plan {
  const guard = guardOf(action);
  const planned = [...roles].map(([name, role]) => [name, planRole(role, action, type, guard)] as const);
  return {
    guard,
    roles: new Map(planned.filter(([, rulesOf]) => rulesOf.length > 0)),
    rules: new RuleIndex(planRules(rules, action, type, guard)),
    cedar: guard === 'closed' ? undefined : cedar?.speaksOf(action),
  };
}

/** Types that the policy tells from each other; all others are planned for as one. */
function typesOf(roles: ReadonlyMap<string, CompiledRole>, rules: readonly TenantRule[]): ReadonlySet<string> {
  const ofRoles = [...roles.values()].flatMap((role) => role.rules.flatMap(({ resources }) => resources ?? []));
  const what = rules.flatMap(({ source }) => (source.what ? alternatives(source.what) : []));
  const ofRules = what.flatMap(({ resources }) => compilePatterns(resources ?? [], resourcePattern));
  const literal = [...ofRoles, ...ofRules].flatMap(({ type }) => (type.kind === 'is' ? [type.text] : []));
  return new Set([...literal, ...what.flatMap(({ types }) => types ?? [])]);
}

/** The rules that may speak of an action: those that name it, and those with a star. */
function actionIndex(rules: readonly TenantRule[]): (action: string) => readonly TenantRule[] {
  const named = new Map<string, TenantRule[]>();
  const open: TenantRule[] = [];
  for (const rule of rules) {
    if (rule.actions?.every(({ kind }) => kind === 'is')) {
      for (const { text } of rule.actions) {
        const same = named.get(text);
        if (same) same.push(rule);
        else named.set(text, [rule]);
      }
    } else open.push(rule);
  }
  return (action) => [...new Set([...(named.get(action) ?? []), ...open])];
}

/**
 * Callers choose actions, so what is remembered of them is bounded: in plans and the rules in them together, since a plan
 * may hold every rule. A policy has a few hundred plans at most.
 */
const remembered = 262_144;
/** A plan without rules of the document, in rules. */
const planWeight = 64;
const anyOtherType = '';

/** Plans by action and type, made when they are first asked for. */
export function planner(
  roles: ReadonlyMap<string, CompiledRole>,
  rules: readonly TenantRule[],
  cedar: CompiledCedar | undefined,
) {
  const types = typesOf(roles, rules);
  const mayName = actionIndex(rules);
  const plans = new Map<string, Map<string, Plan>>();
  let weight = 0;
  return (action: string, ofType: string): Plan => {
    const type = types.has(ofType) ? ofType : anyOtherType;
    const known = plans.get(action)?.get(type);
    if (known) return known;
    const plan = makePlan(roles, mayName(action), cedar, action, type);
    weight += planWeight + plan.rules.all.length;
    // Emptied rather than closed when full, or a flood of invented names would make the real ones slow for ever.
    if (weight > remembered) {
      plans.clear();
      weight = planWeight + plan.rules.all.length;
    }
    const ofAction = plans.get(action) ?? new Map<string, Plan>();
    plans.set(action, ofAction.set(type, plan));
    return plan;
  };
}
