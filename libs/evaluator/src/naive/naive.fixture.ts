import type {
  Decision,
  Effect,
  Entity,
  Grant,
  LabelSelector,
  Labels,
  MatchedRule,
  PolicyDocument,
  PolicyRule,
  Request,
  Role,
  Rule,
  What,
  Who,
} from '../model.js';
import { type Scene, truthOf } from './condition.fixture.js';
import {
  ancestorsOf,
  byCodeUnit,
  describedOf,
  fold,
  groupsOf,
  isSame,
  type Known,
  type NaiveFacts,
  resourceIdsOf,
  subjectIdsOf,
} from './known.fixture.js';
import { accessMatches, actionMatches, entityMatches } from './match.fixture.js';

/**
 * What semantics.md says, word by word: plain loops over lists, nothing prepared and nothing kept. The compiled evaluator
 * is compared with it. Knows no `cedar` rules.
 */
export function naiveEvaluate(
  builtinRoles: readonly Role[],
  document: PolicyDocument | undefined,
  facts: NaiveFacts,
  request: Request,
  nowMs: number,
): Decision {
  const world = worldOf(facts, request, nowMs);
  const action = request.action.name;
  const isPolicy = action.startsWith('policy.');
  const policy = isPolicy || !document ? {} : document;
  const matches = [...roleMatches(builtinRoles, policy.roles ?? [], world), ...ruleMatches(policy.rules ?? [], world)];
  const guarded = action.startsWith('role.') || action.startsWith('tenant.');
  const counted = guarded ? matches.filter((match) => isForbid(match) || isBuiltin(match, builtinRoles)) : matches;
  const isPermitted = counted.length > 0 && !counted.some(isForbid);
  const reason = isPermitted ? 'permitted' : counted.some(isForbid) ? 'forbidden' : denial(world);
  const limits = (policy.rules ?? [])
    .filter((rule) => rule.type === 'rate_limit')
    .filter((rule) => isPermitted && appliesUnlessFalse(rule, rule.who, world))
    .sort((a, b) => byCodeUnit(a.id, b.id));
  const obligations = (policy.rules ?? [])
    .filter((rule) => rule.type === 'obligation')
    .filter(({ on }) => on === 'any' || on === (isPermitted ? 'permit' : 'forbid'))
    .filter((rule) => appliesUnlessFalse(rule, rule.who, world))
    .sort((a, b) => byCodeUnit(a.id, b.id))
    .map(({ id, obligation }) => ({ id, ...obligation }));
  return {
    decision: isPermitted,
    reason,
    matched: evidence(counted),
    ...(limits.length > 0 && { limits }),
    ...(obligations.length > 0 && { obligations }),
  };
}

interface World {
  readonly known: Known;
  readonly request: Request;
  readonly scene: Scene;
  readonly groups: readonly Entity[];
  readonly held: readonly Grant[];
  /** Of all that are held, ownership with them. */
  readonly covering: readonly Grant[];
  readonly owned: readonly Grant[];
}

function worldOf(facts: NaiveFacts, request: Request, nowMs: number): World {
  const { subject, resource } = request;
  const known = fold(facts.changes, facts.tenantId);
  const groups = groupsOf(facts, known, subject);
  const isOneOf = (entity: Entity) => isSame(entity, subject) || groups.some((group) => isSame(group, entity));
  const held = known.grants.filter((grant) => isOneOf(grant.subject));
  const chain = [resource, ...ancestorsOf(known, resource)];
  const owned: Grant[] = [];
  for (const scope of chain) {
    const owner = describedOf(known, scope)?.owner;
    if (!owner || owner.type === 'org' || !isOneOf(owner)) continue;
    owned.push({ id: `owner:${scope.type}/${scope.id}`, subject: owner, role: 'owner', scope });
  }
  const covers = ({ scope }: Grant) => scope === '*' || chain.some((entity) => isSame(entity, scope));
  const scene = { request, nowMs, subject: describedOf(known, subject), resource: describedOf(known, resource) };
  return { known, request, scene, groups, held, owned, covering: [...held.filter(covers), ...owned] };
}

const denial = ({ held, owned }: World) => (held.length > 0 || owned.length > 0 ? 'no_permit' : 'no_grant');
const isForbid = ({ effect }: MatchedRule) => effect === 'forbid';
const isBuiltin = (match: MatchedRule, builtinRoles: readonly Role[]) =>
  'role' in match && builtinRoles.some(({ name }) => name === match.role);

function roleMatches(builtinRoles: readonly Role[], custom: readonly Role[], world: World): MatchedRule[] {
  const matches: MatchedRule[] = [];
  for (const grant of world.covering) {
    const rules = rulesOf(grant.role, [...builtinRoles, ...custom], []);
    for (const [number, rule] of rules.entries()) {
      if (!roleRuleApplies(rule, world)) continue;
      matches.push({ effect: rule.effect, role: grant.role, rule: number, grant: grant.id });
    }
  }
  return matches;
}

/** Its own, then the inherited, each role once: `seen` is shared by the whole walk. */
function rulesOf(name: string, roles: readonly Role[], seen: string[]): readonly Rule[] {
  if (seen.includes(name)) return [];
  seen.push(name);
  const role = roles.find((one) => one.name === name);
  return role ? [...role.rules, ...(role.inherits ?? []).flatMap((parent) => rulesOf(parent, roles, seen))] : [];
}

function roleRuleApplies({ effect, actions, resources, when }: Rule, { request, scene }: World): boolean {
  if (!actions.some((pattern) => actionMatches(pattern, request.action.name))) return false;
  if (resources && !resources.some((pattern) => entityMatches(pattern, request.resource))) return false;
  return conditionHolds(effect, when ? truthOf(when, scene) : true);
}

/** What can't be known permits nothing and forbids. */
const conditionHolds = (effect: Effect, truth: boolean | undefined) =>
  effect === 'permit' ? truth === true : truth !== false;

function ruleMatches(rules: readonly PolicyRule[], world: World): MatchedRule[] {
  const matches: MatchedRule[] = [];
  for (const rule of rules) {
    if (rule.type === 'selector' && isTargeted(rule, rule.who, world)) {
      if (conditionHolds(rule.effect, conditionOf(rule, world))) matches.push({ effect: rule.effect, policy: rule.id });
    }
    if (rule.type === 'access' && rule.patterns.some((pattern) => accessMatches(pattern, world.request.subject))) {
      const effect = rule.mode === 'allow' ? 'permit' : 'forbid';
      if (!isTargeted(rule, undefined, world)) continue;
      if (conditionHolds(effect, conditionOf(rule, world))) matches.push({ effect, policy: rule.id });
    }
  }
  return matches;
}

type Targeted = Exclude<PolicyRule, { type: 'cedar' }>;

const appliesUnlessFalse = (rule: Targeted, who: Who | readonly Who[] | undefined, world: World) =>
  isTargeted(rule, who, world) && conditionOf(rule, world) !== false;

const conditionOf = (rule: Targeted, world: World) => (rule.when ? truthOf(rule.when, world.scene) : true);

function isTargeted(rule: Targeted, who: Who | readonly Who[] | undefined, world: World): boolean {
  const { actions, what } = rule;
  if (actions && !actions.some((pattern) => actionMatches(pattern, world.request.action.name))) return false;
  if (who && !listOf(who).some((one) => whoHolds(one, world))) return false;
  return !what || listOf(what).some((one) => whatHolds(one, world));
}

const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

function whoHolds(who: Who, { known, request, scene, groups, covering }: World): boolean {
  const { subject, resource } = request;
  const isIn = (type: string, ids: readonly string[]) =>
    groups.some((group) => group.type === type && ids.includes(group.id));
  if (who.users && !(subject.type === 'user' && who.users.includes(subject.id))) return false;
  if (who.subjects && !who.subjects.some((pattern) => entityMatches(pattern, subject))) return false;
  if (who.teams && !isIn('team', who.teams)) return false;
  if (who.orgs && !isIn('org', who.orgs)) return false;
  if (who.roles && !covering.some(({ role }) => who.roles?.includes(role))) return false;
  if (who.labels && !labelsHold(who.labels, scene.subject?.labels)) return false;
  if (who.relations) {
    const isRelated = known.relationships.some(
      (one) =>
        who.relations?.includes(one.relation) &&
        isSame(one.resource, resource) &&
        [subject, ...groups].some((entity) => isSame(entity, one.subject)),
    );
    if (!isRelated) return false;
  }
  return true;
}

function whatHolds(what: What, { request, scene }: World): boolean {
  const { resource } = request;
  if (what.types && !what.types.includes(resource.type)) return false;
  if (what.resources && !what.resources.some((pattern) => entityMatches(pattern, resource))) return false;
  return !what.labels || labelsHold(what.labels, scene.resource?.labels);
}

function labelsHold(selector: LabelSelector, labels: Labels = {}): boolean {
  for (const [key, wanted] of Object.entries(selector)) {
    if (!Object.hasOwn(labels, key)) return false;
    const label = labels[key] ?? '';
    if (!listOf(wanted).some((value) => value === '*' || value === label)) return false;
  }
  return true;
}

/** Forbids, then role rules, then rules of the document; each once, the first 16. */
function evidence(matches: readonly MatchedRule[]): readonly MatchedRule[] {
  const once = matches.filter((match, at) => matches.findIndex((other) => compareMatches(match, other) === 0) === at);
  return [...once].sort(compareMatches).slice(0, 16);
}

function compareMatches(a: MatchedRule, b: MatchedRule): number {
  if (a.effect !== b.effect) return a.effect === 'forbid' ? -1 : 1;
  if ('role' in a && 'role' in b) return byCodeUnit(a.grant, b.grant) || a.rule - b.rule || byCodeUnit(a.role, b.role);
  if ('policy' in a && 'policy' in b) return byCodeUnit(a.policy, b.policy);
  return 'role' in a ? -1 : 1;
}

type Search = Omit<Request, 'subject' | 'action' | 'resource'> & Partial<Pick<Request, 'action'>>;

/** Every known subject of a type, asked one by one. */
export function naiveSubjects(
  builtinRoles: readonly Role[],
  document: PolicyDocument | undefined,
  facts: NaiveFacts,
  { type, ...rest }: Search & Required<Pick<Search, 'action'>> & { type: string; resource: Request['resource'] },
  nowMs: number,
): readonly string[] {
  const candidates = subjectIdsOf(fold(facts.changes, facts.tenantId), type);
  return candidates.filter(
    (id) => naiveEvaluate(builtinRoles, document, facts, { ...rest, subject: { type, id } }, nowMs).decision,
  );
}

/** Every known resource of a type, asked one by one. */
export function naiveResources(
  builtinRoles: readonly Role[],
  document: PolicyDocument | undefined,
  facts: NaiveFacts,
  { type, ...rest }: Search & Required<Pick<Search, 'action'>> & { type: string; subject: Request['subject'] },
  nowMs: number,
): readonly string[] {
  const candidates = resourceIdsOf(fold(facts.changes, facts.tenantId), type);
  return candidates.filter(
    (id) => naiveEvaluate(builtinRoles, document, facts, { ...rest, resource: { type, id } }, nowMs).decision,
  );
}
