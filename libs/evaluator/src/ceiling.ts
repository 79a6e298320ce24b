import type { CompiledPolicy } from './compile.js';
import { readsOf } from './condition-errors.js';
import { Frame } from './frame.js';
import type { Condition, Grant, PolicyRule, Scope, Subject, TenantFacts, Who } from './model.js';
import {
  compilePatterns,
  containsText,
  overlapsText,
  type ResourcePattern,
  resourcePattern,
  type TextPattern,
} from './pattern.js';
import type { CompiledRole, RoleRule } from './roles.js';
import { alternatives, compileNames, matchesEntity } from './targets.js';

const guarded = ['policy.', 'role.', 'tenant.'].map((text): TextPattern => ({ kind: 'begins', text }));
const isGuarded = (action: TextPattern): boolean => guarded.some((each) => overlapsText(each, action));

const containsResource = (outer: ResourcePattern, inner: ResourcePattern): boolean =>
  containsText(outer.type, inner.type) && containsText(outer.id, inner.id);

const readsSubject = (when: Condition | undefined): boolean =>
  readsOf(when).some((path) => path.startsWith('subject.'));

/** Whether whoever falls under `inner` falls under `outer`: the same words, and not about who asks. */
const isImplied = (outer: Condition | undefined, inner: Condition | undefined): boolean =>
  outer === undefined || (JSON.stringify(outer) === JSON.stringify(inner) && !readsSubject(outer));

/** Whether one permit of the granter contains what a rule permits with one of its action patterns. */
function isContained(permit: RoleRule, inner: RoleRule, action: TextPattern): boolean {
  if (permit.effect !== 'permit' || !isImplied(permit.source.when, inner.source.when)) return false;
  if (!permit.actions.some((outer) => containsText(outer, action))) return false;
  const { resources } = permit;
  if (!resources) return true;
  return inner.resources?.every((each) => resources.some((outer) => containsResource(outer, each))) ?? false;
}

interface Held {
  readonly roles: readonly CompiledRole[];
  readonly grants: readonly Grant[];
}

function heldOn(policy: CompiledPolicy, facts: TenantFacts, granter: Subject, scope: Scope): Held {
  const grants =
    scope === '*' ? facts.held(granter).filter((grant) => grant.scope === '*') : facts.covering(granter, scope);
  const names = new Set(grants.map(({ role }) => role));
  return { grants, roles: [...names].flatMap((name) => policy.rolesByName.get(name) ?? []) };
}

/** False only if it is certain that a rule says nothing of the subject. */
function mayMean(who: Who, granter: Subject, facts: TenantFacts): boolean {
  const groups = (type: string) => facts.groups(granter).flatMap((group) => (group.type === type ? [group.id] : []));
  const { users, subjects, teams, orgs, roles } = who;
  if (users && !(granter.type === 'user' && users.includes(granter.id))) return false;
  if (subjects && !compilePatterns(subjects, resourcePattern).some((each) => matchesEntity(each, granter)))
    return false;
  if (teams && !groups('team').some((id) => teams.includes(id))) return false;
  if (orgs && !groups('org').some((id) => orgs.includes(id))) return false;
  // Who owns something holds `owner` there, and what he owns is not looked up here.
  return !roles || roles.includes('owner') || facts.held(granter).some(({ role }) => roles.includes(role));
}

const isEverybody = (who: Who): boolean => Object.keys(who).length === 1 && who.anyone === true;

/** Whether a rule of the document may forbid the granter what it does not forbid everybody. */
function mayForbid(rule: PolicyRule, granter: Subject, facts: TenantFacts): boolean {
  if (rule.type === 'access') {
    const request = { subject: granter, action: { name: '' }, resource: { type: '', id: '' } };
    return rule.mode === 'deny' && compileNames(rule)(new Frame(facts, request, 0));
  }
  if (rule.type !== 'selector' || rule.effect !== 'forbid') return false;
  const who = alternatives(rule.who);
  if (who.some(isEverybody)) return readsSubject(rule.when);
  return who.some((each) => mayMean(each, granter, facts));
}

const overlaps = (a: readonly TextPattern[] | undefined, b: readonly TextPattern[]): boolean =>
  !a || a.some((one) => b.some((other) => overlapsText(one, other)));

/**
 * Whether whoever holds `role` on `scope` could do nothing there that the granter can't: nobody grants above himself.
 * Errs on the side of no: one role rule of the granter must contain each rule of the role, and nothing may forbid the
 * granter alone what the role permits. Permits of the document's own rules don't count for the granter; forbids in
 * Cedar can't be compared and are not looked at.
 */
export function isWithinCeiling(
  policy: CompiledPolicy,
  facts: TenantFacts,
  granter: Subject,
  role: string,
  scope: Scope,
): boolean {
  const target = policy.rolesByName.get(role);
  if (!target) return false;
  const { roles } = heldOn(policy, facts, granter, scope);
  const permits = target.rules.filter(({ effect }) => effect === 'permit');
  const actions = permits.flatMap((rule) => rule.actions);
  const everywhere = new Set([...facts.held(granter).map((grant) => grant.role)]);
  const isForbidden =
    [...everywhere].some((name) =>
      policy.rolesByName.get(name)?.rules.some((rule) => rule.effect === 'forbid' && overlaps(rule.actions, actions)),
    ) || policy.rules.some((rule) => overlaps(rule.actions, actions) && mayForbid(rule.source, granter, facts));
  if (isForbidden) return false;
  // Of guarded actions only built-in roles permit anything: a custom role that names them gives nothing to compare with.
  const counts = (from: CompiledRole, action: TextPattern) => from.isBuiltin || !target.isBuiltin || !isGuarded(action);
  return permits.every((rule) =>
    rule.actions.every((action) =>
      roles.some((from) => counts(from, action) && from.rules.some((permit) => isContained(permit, rule, action))),
    ),
  );
}
