import { type ActionRules, appliesTo, type CompiledPolicy } from './compile.js';
import type { GrantIndex } from './grant-index.js';
import type { GroupIndex } from './group-index.js';
import {
  type Decision as DecisionOf,
  type Grant,
  type MatchedRule,
  maxMatched,
  type Request,
  type Resource,
  type Scope,
  type Subject,
} from './model.js';

const covers = (scope: Scope, resource: Resource): boolean =>
  scope === '*' || (scope.id === resource.id && scope.type === resource.type);

function matchGrant(grant: Grant, rules: ActionRules, resource: Resource, into: RoleMatch[]): void {
  if (!covers(grant.scope, resource)) return;
  for (const rule of rules.get(grant.role) ?? []) {
    if (appliesTo(rule, resource))
      into.push({ effect: rule.effect, role: grant.role, rule: rule.index, grant: grant.id });
  }
}

type RoleMatch = Extract<MatchedRule, { readonly role: string }>;

/** Forbids first: they decide. The rest of the order only has to be one that no order of facts changes. */
function byWeight(a: RoleMatch, b: RoleMatch): number {
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

/** With what would have been needed beside it. */
export type Decision = Omit<DecisionOf, 'matched'> & {
  readonly matched: readonly RoleMatch[];
  readonly needed?: readonly string[];
};

/** What a decision reads. */
export interface DecisionFacts {
  readonly grants: GrantIndex;
  readonly groups: GroupIndex;
}

/** The subject's own grants, and those of its groups. Most subjects have no group, and then nothing is copied. */
function heldBy(grants: GrantIndex, groups: GroupIndex, tenantId: string, subject: Subject): readonly Grant[] {
  const own = grants.of(tenantId, subject);
  const of = groups.of(tenantId, subject);
  return of.length === 0 ? own : own.concat(...of.map((group) => grants.of(tenantId, group)));
}

/**
 * Decides one request of one tenant. Any forbid wins, otherwise one permit is needed, nothing applies is a deny: the
 * order of grants, rules and roles never matters. No input throws, no clock and no randomness is read, and a deny costs
 * what a permit costs. Grants on a role that the policy does not know give nothing.
 *
 * @example
 * evaluate(policy, { grants, groups }, 'acme', request)
 * // { decision: true, reason: 'permitted', matched: [{ effect: 'permit', role: 'viewer', rule: 0, grant: 'g_1' }] }
 */
export function evaluate(
  policy: CompiledPolicy,
  { grants, groups }: DecisionFacts,
  tenantId: string,
  request: Request,
): Decision {
  const held = heldBy(grants, groups, tenantId, request.subject);
  const rules = policy.rulesFor(request.action.name);
  const matched: RoleMatch[] = [];
  for (const grant of held) matchGrant(grant, rules, request.resource, matched);
  if (matched.length === 0) {
    const reason = held.length === 0 ? 'no_grant' : 'no_permit';
    return { decision: false, reason, matched, needed: rolesThatPermit(rules, request.resource) };
  }
  if (matched.length > 1) matched.sort(byWeight);
  const decision = matched[0]?.effect === 'permit';
  return { decision, reason: decision ? 'permitted' : 'forbidden', matched: matched.slice(0, maxMatched) };
}
