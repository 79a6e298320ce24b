import type { CompiledPolicy } from './compile.js';
import { applies, lets } from './evaluate.js';
import { Frame } from './frame.js';
import type { Needed, Request, TenantFacts } from './model.js';
import type { PlannedRoleRule } from './plan.js';

/** Permits it and does not also forbid it. */
function permits(rules: readonly PlannedRoleRule[], frame: Frame): boolean {
  const effects = rules
    .filter(({ effect, what, when }) => (what === undefined || what(frame)) && lets(effect, when, frame))
    .map(({ effect }) => effect);
  return effects.includes('permit') && !effects.includes('forbid');
}

/**
 * What a default deny lacked: the roles that would have permitted it, and the permit rules for this action and resource
 * that did not apply. Off the hot path: asked when an answer is explained.
 */
export function needed(policy: CompiledPolicy, facts: TenantFacts, request: Request, nowMs: number): Needed {
  const plan = policy.planFor(request.action.name, request.resource.type);
  const frame = new Frame(facts, request, nowMs);
  const roles = [...plan.roles].filter(([, rules]) => permits(rules, frame)).map(([name]) => name);
  const rules = plan.rules.all
    .filter((rule) => rule.does.kind === 'permit' && (rule.what?.(frame) ?? true) && !applies(rule, frame))
    .map(({ id }) => id)
    .sort();
  return { roles, rules };
}
