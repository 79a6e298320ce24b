import type { CompiledPolicy } from './compile.js';
import { applies, lets } from './evaluate.js';
import { Frame } from './frame.js';
import type { Needed, Request, TenantFacts } from './model.js';
import type { PlannedRoleRule } from './plan.js';

/** Permits it and does not also forbid it. */
function permits(rules: readonly PlannedRoleRule[], frame: Frame): boolean {
  let permitted = false;
  for (const { effect, what, when } of rules) {
    if ((what !== undefined && !what(frame)) || !lets(effect, when, frame)) continue;
    if (effect === 'forbid') return false;
    permitted = true;
  }
  return permitted;
}

/**
 * What a default deny lacked: the roles that would have permitted it, and the permit rules for this action and resource
 * that did not apply. Half of what is asked is denied, so it costs about what deciding costs.
 */
export function needed(policy: CompiledPolicy, facts: TenantFacts, request: Request, nowMs: number): Needed {
  const plan = policy.planFor(request.action.name, request.resource.type);
  const frame = new Frame(facts, request, nowMs);
  const roles: string[] = [];
  for (const [name, rulesOf] of plan.roles) if (permits(rulesOf, frame)) roles.push(name);
  const rules = plan.rules.all
    .filter((rule) => rule.does.kind === 'permit' && (rule.what?.(frame) ?? true) && !applies(rule, frame))
    .map(({ id }) => id)
    .sort();
  return { roles, rules };
}
