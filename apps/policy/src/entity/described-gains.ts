import type { Entity, EntityDescribed } from '@gatehouse/contracts';
import { closedTypes, factLimits, formatResource, type TenantFacts } from '@gatehouse/evaluator';
import type { DescribedEntity } from './entity.js';

/** What somebody can newly do on an entity because of a description: its owner, and whoever holds a role on a container. */
export interface Gains {
  readonly owner: Entity | undefined;
  readonly parents: readonly Entity[];
}

const isSame = (a: Entity, b: Entity): boolean => a.type === b.type && a.id === b.id;

export function gainsOf(state: DescribedEntity, { owner, parents }: EntityDescribed): Gains {
  const before = state.status === 'described' ? state.facts : undefined;
  const isNew = owner !== undefined && owner.type !== 'org' && !(before?.owner && isSame(owner, before.owner));
  return {
    owner: isNew ? owner : undefined,
    parents: parents.filter((parent) => !before?.parents.some((known) => isSame(known, parent))),
  };
}

/** What is or will be known of an entity: the later description of one request counts for the others in it. */
export class Described {
  readonly #facts: TenantFacts;
  readonly #coming: ReadonlyMap<string, EntityDescribed>;

  constructor(facts: TenantFacts, coming: readonly EntityDescribed[]) {
    this.#facts = facts;
    this.#coming = new Map(coming.map((each) => [formatResource(each.entity), each]));
  }

  of(entity: Entity): Pick<EntityDescribed, 'parents' | 'owner'> | undefined {
    if (closedTypes.has(entity.type)) return undefined;
    return this.#coming.get(formatResource(entity)) ?? (this.#facts.entity(entity) as EntityDescribed | undefined);
  }

  /** The entity and everything that contains it. */
  upwards(entity: Entity): readonly Entity[] {
    const found = new Map([[formatResource(entity), entity]]);
    for (const each of found.values()) {
      // Far more than the evaluator looks at: a chain through several of the request's own entities is walked once more.
      if (found.size > 2 * factLimits.ancestors) break;
      for (const parent of this.of(each)?.parents ?? []) found.set(formatResource(parent), parent);
    }
    return [...found.values()];
  }

  /** A container of the entity that the entity itself contains. */
  cycleOf({ entity, parents }: EntityDescribed): Entity | undefined {
    return parents.find((parent) => this.upwards(parent).some((above) => isSame(above, entity)));
  }
}
