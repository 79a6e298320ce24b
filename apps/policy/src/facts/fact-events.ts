import {
  type Entity,
  type EntityDescribed,
  type EntityForgotten,
  type GroupJoined,
  type RelationshipMade,
  type RoleGranted,
  type RoleRevoked,
} from '@gatehouse/contracts';
import { type FactChange, parseScope } from '@gatehouse/evaluator';

/** The event does not have the form of its type: what it changed can't be known. */
export class UnreadableFact extends Error {
  override readonly name = 'UnreadableFact';
}

type Change<T> = (data: T) => FactChange | undefined;
type AnyChange = Change<never>;

/** A group, a member, a resource: two texts, whatever else the event holds. */
function named(entity: Entity | undefined): Entity {
  if (typeof entity?.type !== 'string' || typeof entity.id !== 'string')
    throw new UnreadableFact('an event of facts names nobody');
  return { type: entity.type, id: entity.id };
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new UnreadableFact('an event of facts lacks a text');
  return value;
}

function object<T extends object>(value: T): T {
  if (typeof value !== 'object' || value === null) throw new UnreadableFact('an event of facts lacks an object');
  return value;
}

const relationshipOf = ({ subject, relation, resource }: RelationshipMade) => ({
  subject: named(subject),
  relation: text(relation),
  resource: named(resource),
});

/** Event type -> what it changes. Undefined: it gives nothing (a scope that can't be read was refused when it was granted). */
const changes = {
  'role.granted': (({ grantId, subject, role, scope }) => {
    const parsed = parseScope(scope);
    if (!parsed.ok) return undefined;
    return {
      kind: 'granted',
      grant: { id: text(grantId), subject: named(subject), role: text(role), scope: parsed.value },
    };
  }) satisfies Change<RoleGranted>,
  'role.revoked': (({ grantId }) => ({ kind: 'revoked', grantId: text(grantId) })) satisfies Change<RoleRevoked>,
  'group.joined': (({ group, member }) => ({
    kind: 'joined',
    group: named(group),
    member: named(member),
  })) satisfies Change<GroupJoined>,
  'group.left': (({ group, member }) => ({
    kind: 'left',
    group: named(group),
    member: named(member),
  })) satisfies Change<GroupJoined>,
  'entity.described': (({ entity, labels, properties, parents, owner }) => ({
    kind: 'described',
    facts: {
      entity: named(entity),
      labels: object(labels),
      properties: object(properties) as never, // JSON: the evaluator's attributes
      parents: parents.map(named),
      ...(owner && { owner: named(owner) }),
    },
  })) satisfies Change<EntityDescribed>,
  'entity.forgotten': (({ entity }) => ({
    kind: 'forgotten',
    entity: named(entity),
  })) satisfies Change<EntityForgotten>,
  'relationship.made': ((data) => ({
    kind: 'related',
    relationship: relationshipOf(data),
  })) satisfies Change<RelationshipMade>,
  'relationship.ended': ((data) => ({
    kind: 'unrelated',
    relationship: relationshipOf(data),
  })) satisfies Change<RelationshipMade>,
} as const;

export type FactEventType = keyof typeof changes;

/** Types of the events that change facts. */
export const factTypes = Object.keys(changes) as readonly FactEventType[];

/** Types of the events that change by what a tenant decides. */
export const policyTypes = ['policy.activated', 'policy.settings_changed'] as const;

export const isFactType = (type: string): type is FactEventType => Object.hasOwn(changes, type);

/**
 * What one event of policy's log changes of the facts.
 *
 * @throws UnreadableFact, TypeError when the event does not have the form of its type
 */
export const factChangeOf = (type: FactEventType, data: object): FactChange | undefined =>
  (changes[type] as AnyChange)(data as never);
