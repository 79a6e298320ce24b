import type { Attributes, Entity, EntityFacts, Request, TenantFacts, Value } from '../model.js';
import { actions, addresses, datetimes, decimals, ids, names, oneOf, texts, types } from './pools.fixture.js';
import type { Dice } from './random.fixture.js';

export interface KnownFacts {
  readonly groups: readonly Entity[];
  readonly roles: readonly string[];
  readonly ancestors: readonly Entity[];
  readonly entities: readonly EntityFacts[];
}

export interface Case {
  readonly request: Request;
  readonly known: KnownFacts;
  readonly nowMs: number;
}

const same = (a: Entity, b: Entity): boolean => a.type === b.type && a.id === b.id;

/** Facts that know one subject and one resource. */
export const factsOf = ({ groups, ancestors, entities }: KnownFacts): TenantFacts =>
  ({
    groups: () => groups,
    ancestors: () => ancestors,
    entity: (of: Entity) => entities.find(({ entity }) => same(entity, of)),
  }) as Pick<TenantFacts, 'groups' | 'ancestors' | 'entity'> as TenantFacts;

export class WorldDice {
  constructor(private readonly dice: Dice) {}

  entity = (): Entity => ({ type: this.dice.one(types), id: this.dice.one(ids) });

  #scalar(): Value {
    return this.dice.one<Value>([
      null,
      true,
      false,
      0,
      1,
      2,
      -1,
      1.5,
      7,
      9007199254740991,
      2 ** 60,
      1e300,
      -0,
      ...texts,
    ]);
  }

  value(depth: number): Value {
    if (depth <= 0 || this.dice.chance(0.6)) return this.#scalar();
    if (this.dice.chance(0.5)) return Array.from({ length: this.dice.below(4) }, () => this.value(depth - 1));
    return this.attributes(0.25, depth - 1);
  }

  /** Mostly of the type that policies expect under the name. */
  attributes(density: number, depth: number): Attributes {
    const expected: Readonly<Record<string, () => Value>> = {
      n: () => this.dice.one([0, 1, 2, -1, 7, 9007199254740991, -9007199254740991]),
      s: () => this.dice.one(texts),
      t: () => this.dice.one(texts),
      tags: () => Array.from({ length: this.dice.below(4) }, () => this.value(1)),
      rec: () => this.attributes(0.4, depth - 1),
      ip: () => oneOf(this.dice, addresses),
      at: () => oneOf(this.dice, datetimes),
      price: () => oneOf(this.dice, decimals),
      flag: () => this.dice.chance(0.5),
      labels: () => ({ s: 'given' }),
      owner: () => ({ __entity: { type: 'user', id: 'a' } }),
    };
    const members = this.dice.some([...names, 'action', 'now', '__entity', '__extn', '__expr'], density).map((name) => {
      const make = expected[name];
      return [name, make && depth > 0 && this.dice.chance(0.85) ? make() : this.value(depth)] as const;
    });
    return Object.fromEntries(members);
  }

  #described(entity: Entity): EntityFacts {
    return {
      entity,
      labels: Object.fromEntries(
        this.dice.some(['s', 'x y', '__entity'], 0.5).map((key) => [key, this.dice.one(texts)]),
      ),
      properties: this.attributes(0.5, 2),
      parents: [],
      ...(this.dice.chance(0.4) && { owner: this.entity() }),
    };
  }

  case(): Case {
    const subject = this.entity();
    const resource = this.dice.chance(0.1) ? subject : this.entity();
    // No circles: Cedar's own engine refuses entities that contain themselves.
    const above = (): Entity[] =>
      Array.from({ length: this.dice.below(4) }, this.entity).filter((one) => !same(one, subject));
    const groups = above();
    const ancestors = above().filter((one) => !same(one, resource));
    const isCircle = groups.some((one) => same(one, resource)) && ancestors.some((one) => same(one, subject));
    const properties = (): { properties?: Attributes } =>
      this.dice.chance(0.9) ? { properties: this.attributes(0.75, 2) } : {};
    const entities = this.dice.some([subject, resource], 0.6).map((one) => this.#described(one));
    return {
      request: {
        subject: { ...subject, ...properties() },
        action: { name: this.dice.one([...actions, 'unnamed']), ...properties() },
        resource: { ...resource, ...properties() },
        ...(this.dice.chance(0.95) && { context: this.attributes(0.85, 2) }),
      },
      known: { groups: isCircle ? [] : groups, roles: this.dice.some(ids, 0.3), ancestors, entities },
      nowMs: this.dice.one([0, 1_767_225_600_000, 1_795_339_800_250, -1]),
    };
  }
}
