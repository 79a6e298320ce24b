import type { CompiledPolicy } from './compile.js';
import type { Compiled } from './condition.js';
import { Frame } from './frame.js';
import {
  type Decision,
  type Effect,
  type MatchedRule,
  maxMatched,
  type Obligation,
  type RateLimitRule,
  type Reason,
  type Request,
  type TenantFacts,
} from './model.js';
import type { Plan, PlannedRule } from './plan.js';
import type { Does } from './tenant-rules.js';

/** A permit needs its condition to be true; everything else applies unless it is false: what can't be known is refused. */
export const lets = (kind: Does['kind'], when: Compiled | undefined, frame: Frame): boolean =>
  when === undefined || when(frame) > (kind === 'permit' ? 1 : 0);

export const applies = ({ does, what, who, when }: PlannedRule, frame: Frame): boolean =>
  (who === undefined || who(frame)) && (what === undefined || what(frame)) && lets(does.kind, when, frame);

function matchRoles(plan: Plan, frame: Frame, into: MatchedRule[]): void {
  for (const { id, role } of frame.covering) {
    const rules = plan.roles.get(role);
    if (!rules) continue;
    for (const { effect, number, what, when } of rules) {
      if ((what === undefined || what(frame)) && lets(effect, when, frame))
        into.push({ effect, role, rule: number, grant: id });
    }
  }
}

interface Found {
  readonly matched: MatchedRule[];
  limits: RateLimitRule[] | undefined;
  obligations: { on: Effect | 'any'; obligation: Obligation }[] | undefined;
}

function matchRules(plan: Plan, frame: Frame, found: Found): void {
  for (const rule of plan.rules) {
    if (!applies(rule, frame)) continue;
    const { does } = rule;
    if (does.kind === 'limit') found.limits = [...(found.limits ?? []), does.limit];
    else if (does.kind === 'oblige') found.obligations = [...(found.obligations ?? []), does];
    else found.matched.push(does.match);
  }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Forbids first: they decide. The rest of the order only has to be one that no order of facts or rules changes. */
function byWeight(a: MatchedRule, b: MatchedRule): number {
  if (a.effect !== b.effect) return a.effect === 'forbid' ? -1 : 1;
  if ('role' in a) {
    if (!('role' in b)) return -1;
    return compareText(a.grant, b.grant) || a.rule - b.rule || compareText(a.role, b.role);
  }
  return 'role' in b ? 1 : compareText(a.policy, b.policy);
}

function reasonOf(matched: readonly MatchedRule[], frame: Frame): Reason {
  const [first] = matched;
  if (first) return first.effect === 'permit' ? 'permitted' : 'forbidden';
  return frame.covering.length > 0 || frame.facts.held(frame.request.subject).length > 0 ? 'no_permit' : 'no_grant';
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => compareText(a.id, b.id);

/**
 * Decides one request, as SEMANTICS.md says: any forbid wins, otherwise one permit is needed, nothing applies is a deny;
 * the order of facts, roles and rules never matters. No input throws, and `nowMs` (since 1970) is the only clock.
 *
 * @example
 * evaluate(policy, facts.tenant('acme'), request, Date.now())
 * // { decision: true, reason: 'permitted', matched: [{ effect: 'permit', role: 'viewer', rule: 0, grant: 'g_1' }] }
 */
export function evaluate(policy: CompiledPolicy, facts: TenantFacts, request: Request, nowMs: number): Decision {
  const plan = policy.planFor(request.action.name, request.resource.type);
  const frame = new Frame(facts, request, nowMs, facts.covering(request.subject, request.resource));
  const found: Found = { matched: [], limits: undefined, obligations: undefined };
  matchRoles(plan, frame, found.matched);
  matchRules(plan, frame, found);
  if (found.matched.length > 1) found.matched.sort(byWeight);
  const reason = reasonOf(found.matched, frame);
  const decision = reason === 'permitted';
  const matched = found.matched.length > maxMatched ? found.matched.slice(0, maxMatched) : found.matched;
  if (!found.limits && !found.obligations) return { decision, reason, matched };
  const on = decision ? 'permit' : 'forbid';
  const obligations = (found.obligations ?? [])
    .filter((each) => each.on === 'any' || each.on === on)
    .map(({ obligation }) => obligation)
    .sort(byId);
  return {
    decision,
    reason,
    matched,
    ...(decision && found.limits && { limits: found.limits.sort(byId) }),
    ...(obligations.length > 0 && { obligations }),
  };
}
