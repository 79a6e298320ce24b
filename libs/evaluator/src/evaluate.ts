import { type ActionRules, appliesTo, type CompiledPolicy } from './compile.js';
import type { GrantIndex } from './grant-index.js';
import {
  type Decision,
  type Grant,
  type MatchedRule,
  maxMatched,
  type Request,
  type Resource,
  type Scope,
} from './model.js';

const covers = (scope: Scope, resource: Resource): boolean =>
  scope === '*' || (scope.id === resource.id && scope.type === resource.type);

function matchGrant(grant: Grant, rules: ActionRules, resource: Resource, into: MatchedRule[]): void {
  if (!covers(grant.scope, resource)) return;
  for (const rule of rules.get(grant.role) ?? []) {
    if (appliesTo(rule, resource))
      into.push({ effect: rule.effect, role: grant.role, rule: rule.index, grant: grant.id });
  }
}

/** Forbids first: they decide. The rest of the order only has to be one that no order of facts changes. */
function byWeight(a: MatchedRule, b: MatchedRule): number {
  if (a.effect !== b.effect) return a.effect === 'forbid' ? -1 : 1;
  if (a.grant !== b.grant) return a.grant < b.grant ? -1 : 1;
  return a.rule - b.rule;
}

/** Roles that permit and do not also forbid, in the order of their names. */
function rolesThatPermit(rules: ActionRules, resource: Resource): string[] {
  const names: string[] = [];
  for (const [name, ofRole] of rules) {
    let permits = false;
    let forbids = false;
    for (const rule of ofRole) {
      if (!appliesTo(rule, resource)) continue;
      if (rule.effect === 'forbid') forbids = true;
      else permits = true;
    }
    if (permits && !forbids) names.push(name);
  }
  return names;
}

/**
 * Decides one request of one tenant. Any forbid wins, otherwise one permit is needed, nothing applies is a deny: the
 * order of grants, rules and roles never matters. No input throws, no clock and no randomness is read, and a deny costs
 * what a permit costs. Grants on a role that the policy does not know give nothing.
 *
 * @example
 * evaluate(policy, grants, 'acme', request)
 * // { decision: true, reason: 'permitted', matched: [{ effect: 'permit', role: 'viewer', rule: 0, grant: 'g_1' }] }
 */
export function evaluate(policy: CompiledPolicy, grants: GrantIndex, tenantId: string, request: Request): Decision {
  const held = grants.of(tenantId, request.subject);
  const rules = policy.rulesFor(request.action.name);
  const matched: MatchedRule[] = [];
  for (const grant of held) matchGrant(grant, rules, request.resource, matched);
  if (matched.length === 0) {
    const reason = held.length === 0 ? 'no_grant' : 'no_permit';
    return { decision: false, reason, matched, needed: rolesThatPermit(rules, request.resource) };
  }
  if (matched.length > 1) matched.sort(byWeight);
  const decision = matched[0]?.effect === 'permit';
  return { decision, reason: decision ? 'permitted' : 'forbidden', matched: matched.slice(0, maxMatched) };
}
