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
import type { Plan } from './plan.js';
import type { PlannedRule, Visitor } from './rule-index.js';
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

/** Satisfied policies of Cedar. */
function matchCedar(plan: Plan, { facts, request, covering, nowMs }: Frame, into: MatchedRule[]): void {
  if (!plan.cedar) return;
  const roles = covering.map(({ role }) => role);
  for (const match of plan.cedar.matches(facts, request, roles, nowMs)) {
    // What no document may widen, Cedar may not either.
    if (plan.guard === 'open' || match.effect === 'forbid') into.push(match);
  }
}

interface Asked {
  readonly on: Effect | 'any';
  readonly obligation: Obligation;
}

const noLimits: readonly RateLimitRule[] = [];
const nothingAsked: readonly Asked[] = [];

/** What the rules of the document say to one question; most say nothing, and then nothing is made. */
class Found implements Visitor {
  limits = noLimits;
  asked = nothingAsked;
  readonly #frame: Frame;
  readonly #matched: MatchedRule[];

  constructor(frame: Frame, matched: MatchedRule[]) {
    this.#frame = frame;
    this.#matched = matched;
  }

  look(rule: PlannedRule): void {
    if (!applies(rule, this.#frame)) return;
    const { does } = rule;
    if (does.kind === 'limit') this.limits = [...this.limits, does.limit];
    else if (does.kind === 'oblige') this.asked = [...this.asked, does];
    else this.#matched.push(does.match);
  }
}

function matchRules({ rules }: Plan, frame: Frame, matched: MatchedRule[]): Found | undefined {
  if (rules.all.length === 0) return undefined;
  const found = new Found(frame, matched);
  rules.visit(frame, found);
  return found;
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

/** The decision with its limits and obligations; what it has none of is not there. */
function withFound(bare: Decision, { limits, asked }: Found): Decision {
  const on = bare.decision ? 'permit' : 'forbid';
  const obligations = asked.filter((each) => each.on === 'any' || each.on === on).map(({ obligation }) => obligation);
  return {
    ...bare,
    ...(bare.decision && limits.length > 0 && { limits: [...limits].sort(byId) }),
    ...(obligations.length > 0 && { obligations: obligations.sort(byId) }),
  };
}

/**
 * Decides one request, as semantics.md says: any forbid wins, otherwise one permit is needed, nothing applies is a deny;
 * the order of facts, roles and rules never matters. No input throws, and `nowMs` (since 1970) is the only clock.
 *
 * @example
 * evaluate(policy, facts.tenant('acme'), request, Date.now())
 * // { decision: true, reason: 'permitted', matched: [{ effect: 'permit', role: 'viewer', rule: 0, grant: 'g_1' }] }
 */
export function evaluate(policy: CompiledPolicy, facts: TenantFacts, request: Request, nowMs: number): Decision {
  const plan = policy.planFor(request.action.name, request.resource.type);
  const frame = new Frame(facts, request, nowMs);
  const all: MatchedRule[] = [];
  matchRoles(plan, frame, all);
  const found = matchRules(plan, frame, all);
  matchCedar(plan, frame, all);
  if (all.length > 1) all.sort(byWeight);
  const reason = reasonOf(all, frame);
  const matched = all.length > maxMatched ? all.slice(0, maxMatched) : all;
  const bare = { decision: reason === 'permitted', reason, matched };
  return found && (found.limits !== noLimits || found.asked !== nothingAsked) ? withFound(bare, found) : bare;
}
