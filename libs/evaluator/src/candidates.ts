import type { CompiledPolicy } from './compile.js';
import type { Entity, Request, Resource, Subject, TenantFacts } from './model.js';
import type { Plan } from './plan.js';
import { type Key, whatKeys, whoKeys } from './rule-index.js';

/** Names of one type that a search still has to decide; `all` when nothing can be left out. */
class Names {
  readonly ids = new Set<string>();
  all = false;

  constructor(readonly type: string) {}

  add({ type, id }: Entity): void {
    if (type === this.type) this.ids.add(id);
  }

  /** Of the known ones, in their order. */
  among(known: readonly string[]): readonly string[] {
    if (this.all || this.ids.size >= known.length) return known;
    return [...this.ids].filter((id) => isAmong(known, id)).sort();
  }
}

/** In a list sorted by code unit. */
function isAmong(sorted: readonly string[], id: string): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = sorted[middle] ?? '';
    if (found === id) return true;
    if (found < id) low = middle + 1;
    else high = middle;
  }
  return false;
}

const permittingRoles = (plan: Plan): Set<string> =>
  new Set([...plan.roles].filter(([, rules]) => rules.some(({ effect }) => effect === 'permit')).map(([name]) => name));

const permits = (plan: Plan) => plan.rules.all.filter(({ does }) => does.kind === 'permit');

/** Cedar's permits are not looked into; of guarded actions it has none. */
const isOpen = (plan: Plan): boolean => plan.cedar !== undefined && plan.guard === 'open';

/**
 * Known subjects of a type among which are all that may: whoever is left out holds no role that permits this on what
 * covers the resource, and no rule of the document names it. Sorted by code unit.
 */
export function subjectCandidates(
  policy: CompiledPolicy,
  facts: TenantFacts,
  { type, action, resource }: Pick<Request, 'action' | 'resource'> & { readonly type: string },
): readonly string[] {
  const plan = policy.planFor(action.name, resource.type);
  const names = new Names(type);
  const roles = permittingRoles(plan);
  names.all = isOpen(plan);
  const add = (subject: Subject) => {
    // Who belongs to an organization is not found from its end.
    if (subject.type === 'org') names.all = true;
    names.add(subject);
    for (const member of facts.members(subject)) names.add(member);
  };
  for (const rule of permits(plan)) {
    const keys = whoKeys(rule);
    const elsewhere = whatKeys(rule)?.every((key) => !key.names.includes(resource.id));
    if (elsewhere) continue;
    for (const key of keys ?? [undefined]) {
      if (key?.by === 'user') for (const id of key.names) names.add({ type: 'user', id });
      else if (key?.by === 'team') for (const id of key.names) add({ type: 'team', id });
      else if (key?.by === 'role') for (const name of key.names) roles.add(name);
      else names.all = true;
    }
  }
  const covering: readonly Entity[] = [resource, ...facts.ancestors(resource)];
  for (const scope of ['*' as const, ...covering]) {
    if (names.all) break;
    for (const grant of facts.grantsOn(scope)) if (roles.has(grant.role)) add(grant.subject);
  }
  for (const entity of roles.has('owner') ? covering : []) {
    const owner = facts.entity(entity)?.owner;
    if (owner && owner.type !== 'org') add(owner);
  }
  return names.among(facts.subjectIds(type));
}

/** False if none of the names is the subject's; `role`: what it holds is looked at elsewhere. */
function isMeant({ by, names }: Key, subject: Subject, groups: readonly Subject[]): boolean {
  if (by === 'user') return subject.type === 'user' && names.includes(subject.id);
  if (by === 'name') return names.includes(`${subject.type}/${subject.id}`.toLowerCase());
  return groups.some(({ type, id }) => type === by && names.includes(id));
}

/** Everything below, itself too. */
function addTree(facts: TenantFacts, top: Resource, names: Names): void {
  const seen = new Map<string, Set<string>>();
  const queue: Entity[] = [top];
  for (const entity of queue) {
    const ofType = seen.get(entity.type) ?? new Set<string>();
    if (ofType.has(entity.id)) continue;
    seen.set(entity.type, ofType.add(entity.id));
    names.add(entity);
    for (const child of facts.children(entity)) queue.push(child);
  }
}

/** Known resources of a type among which are all that the subject may do this on, sorted by code unit. */
export function resourceCandidates(
  policy: CompiledPolicy,
  facts: TenantFacts,
  { subject, action, type }: Pick<Request, 'subject' | 'action'> & { readonly type: string },
): readonly string[] {
  const plan = policy.planFor(action.name, type);
  const names = new Names(type);
  const roles = permittingRoles(plan);
  const groups = facts.groups(subject);
  names.all = isOpen(plan);
  for (const rule of permits(plan)) {
    const keys = whoKeys(rule);
    for (const key of keys ?? []) if (key.by === 'role') for (const name of key.names) roles.add(name);
    const isNamed = !keys || keys.some((key) => key.by !== 'role' && isMeant(key, subject, groups));
    if (!isNamed) continue;
    const on = whatKeys(rule);
    if (!on) names.all = true;
    for (const key of on ?? []) for (const id of key.names) names.add({ type, id });
  }
  for (const { role, scope } of facts.held(subject)) {
    if (names.all || !roles.has(role)) continue;
    if (scope === '*') names.all = true;
    else addTree(facts, scope, names);
  }
  const owners = roles.has('owner') && !names.all ? [subject, ...groups] : [];
  for (const owner of owners) {
    if (owner.type === 'org') continue;
    for (const entity of facts.owned(owner)) addTree(facts, entity, names);
  }
  return names.among(facts.resourceIds(type));
}
