import type { Compiled } from './condition.js';
import type { Effect } from './model.js';
import { matchesText, type TextPattern } from './pattern.js';
import type { CompiledRole } from './roles.js';
import { compileWhat, type Holds, idsHold } from './targets.js';
import type { Does, TenantRule } from './tenant-rules.js';

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

export interface PlannedRule {
  readonly id: string;
  readonly does: Does;
  readonly what: Holds | undefined;
  readonly who: Holds | undefined;
  readonly when: Compiled | undefined;
}

/** All that a policy has to say of one action on one type of resource. */
export interface Plan {
  readonly guard: Guard;
  readonly roles: ReadonlyMap<string, readonly PlannedRoleRule[]>;
  readonly rules: readonly PlannedRule[];
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
    return what === false ? [] : [{ id: source.id, does, what, who, when }];
  });
}

export function makePlan(
  roles: ReadonlyMap<string, CompiledRole>,
  rules: readonly TenantRule[],
  action: string,
  type: string,
): Plan {
  const guard = guardOf(action);
  const planned = [...roles].map(([name, role]) => [name, planRole(role, action, type, guard)] as const);
  return {
    guard,
    roles: new Map(planned.filter(([, rulesOf]) => rulesOf.length > 0)),
    rules: planRules(rules, action, type, guard),
  };
}

/** Callers choose actions and types, so what is remembered of them is bounded. A policy has a few hundred at most. */
const remembered = 4_096;

/** Plans by action and type, made when they are first asked for. */
export function planner(roles: ReadonlyMap<string, CompiledRole>, rules: readonly TenantRule[]) {
  const plans = new Map<string, Map<string, Plan>>();
  let count = 0;
  return (action: string, type: string): Plan => {
    const known = plans.get(action)?.get(type);
    if (known) return known;
    const plan = makePlan(roles, rules, action, type);
    // Emptied rather than closed when full, or a flood of invented names would make the real ones slow for ever.
    if (count >= remembered) {
      plans.clear();
      count = 0;
    }
    const ofAction = plans.get(action) ?? new Map<string, Plan>();
    plans.set(action, ofAction.set(type, plan));
    count++;
    return plan;
  };
}
