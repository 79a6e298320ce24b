import type { Entity, EntityFacts, FactChange, Grant, Relationship, Subject } from '../model.js';

/** The facts of several tenants in the order they came, of which `tenantId` is asked. */
export interface NaiveFacts {
  readonly tenantId: string;
  readonly changes: readonly TenantChange[];
}

export interface TenantChange {
  readonly tenantId: string;
  readonly change: FactChange;
}

/** What is so in one tenant after all changes: four plain lists. */
export interface Known {
  grants: Grant[];
  members: { group: Subject; member: Subject }[];
  described: EntityFacts[];
  relationships: Relationship[];
}

export const isSame = (a: Entity, b: Entity): boolean => a.type === b.type && a.id === b.id;

const isSameRelationship = (a: Relationship, b: Relationship): boolean =>
  isSame(a.subject, b.subject) && a.relation === b.relation && isSame(a.resource, b.resource);

/** Folds the changes of one tenant, one after the other. */
export function fold(changes: readonly TenantChange[], tenantId: string): Known {
  const known: Known = { grants: [], members: [], described: [], relationships: [] };
  for (const entry of changes) if (entry.tenantId === tenantId) apply(known, entry.change);
  return known;
}

function apply(known: Known, change: FactChange): void {
  switch (change.kind) {
    case 'granted':
      known.grants = [...known.grants.filter(({ id }) => id !== change.grant.id), change.grant];
      return;
    case 'revoked':
      known.grants = known.grants.filter(({ id }) => id !== change.grantId);
      return;
    case 'joined':
    case 'left':
      known.members = known.members.filter(
        ({ group, member }) => !(isSame(group, change.group) && isSame(member, change.member)),
      );
      if (change.kind === 'joined') known.members.push({ group: change.group, member: change.member });
      return;
    case 'described':
      known.described = known.described.filter(({ entity }) => !isSame(entity, change.facts.entity));
      known.described.push(readOf(change.facts));
      return;
    case 'forgotten':
      known.described = known.described.filter(({ entity }) => !isSame(entity, change.entity));
      return;
    default:
      known.relationships = known.relationships.filter((one) => !isSameRelationship(one, change.relationship));
      if (change.kind === 'related') known.relationships.push(change.relationship);
  }
}

/** semantics.md 3: of Gatehouse's own resources owner and containers are not there, whatever was described. */
function readOf(facts: EntityFacts): EntityFacts {
  if (!['tenant', 'role', 'service', 'policy', 'user'].includes(facts.entity.type)) return facts;
  const { owner: _, ...rest } = facts;
  return { ...rest, parents: [] };
}

export const describedOf = (known: Known, entity: Entity): EntityFacts | undefined =>
  known.described.find((facts) => isSame(facts.entity, entity));

/** semantics.md 2: direct groups, and the tenants in which the subject itself holds a grant on everything. */
export function groupsOf(facts: NaiveFacts, known: Known, subject: Subject): readonly Subject[] {
  const groups: Subject[] = [];
  const add = (group: Subject) => {
    if (!groups.some((one) => isSame(one, group))) groups.push(group);
  };
  for (const { group, member } of known.members) if (isSame(member, subject)) add(group);
  for (const tenantId of new Set(facts.changes.map((entry) => entry.tenantId))) {
    const there = tenantId === facts.tenantId ? known : fold(facts.changes, tenantId);
    if (there.grants.some((grant) => isSame(grant.subject, subject) && grant.scope === '*')) {
      add({ type: 'org', id: tenantId });
    }
  }
  return groups;
}

/** semantics.md 3: containers, level by level, each once, the resource itself never, at most 64. */
export function ancestorsOf(known: Known, resource: Entity): readonly Entity[] {
  const found: Entity[] = [];
  let level: readonly Entity[] = [resource];
  while (level.length > 0) {
    const next: Entity[] = [];
    for (const entity of level) {
      for (const parent of describedOf(known, entity)?.parents ?? []) {
        if (isSame(parent, resource) || found.some((one) => isSame(one, parent))) continue;
        if (found.length === 64) return found;
        found.push(parent);
        next.push(parent);
      }
    }
    level = next;
  }
  return found;
}

/** Names of a type that are known as subjects, sorted by code unit. */
export function subjectIdsOf(known: Known, type: string): readonly string[] {
  return ids(type, [
    ...known.grants.map(({ subject }) => subject),
    ...known.members.map(({ member }) => member),
    ...known.described.map(({ entity }) => entity),
    ...known.relationships.map(({ subject }) => subject),
    ...known.described.flatMap(({ owner }) => (owner ? [owner] : [])),
  ]);
}

/** Names of a type that are known as resources, sorted by code unit. */
export function resourceIdsOf(known: Known, type: string): readonly string[] {
  return ids(type, [
    ...known.grants.flatMap(({ scope }) => (scope === '*' ? [] : [scope])),
    ...known.described.map(({ entity }) => entity),
    ...known.described.flatMap(({ parents }) => parents),
    ...known.relationships.map(({ resource }) => resource),
  ]);
}

const ids = (type: string, entities: readonly Entity[]): readonly string[] =>
  [...new Set(entities.filter((entity) => entity.type === type).map(({ id }) => id))].sort(byCodeUnit);

export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
