import type { Attributes, Value } from '../model.js';
import type { Datetime, Duration } from './datetime.js';
import type { Decimal } from './decimal.js';
import type { Ip } from './ip.js';
import type { Long } from './long.js';

/** What Cedar computes with. In all of this folder `undefined` as a result is Cedar's evaluation error. */
export type CedarValue = Scalar | EntityRef | CedarSet | CedarRecord | Ip | Decimal | Datetime | Duration;
type Scalar = boolean | Long | string;

/** Deeper lists and objects have no Cedar form: nothing that is compared or printed may exhaust the stack. */
export const maxDepth = 32;

/** In Cedar's JSON these names turn an object into something else, so no other engine could be shown such a member. */
const escapes: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr']);

export class EntityRef {
  readonly key: string;

  constructor(
    readonly type: string,
    readonly id: string,
  ) {
    // No type holds a quotation mark, so no two entities have the same key.
    this.key = `${type}"${id}`;
  }
}

/** Members are compared by value; each is there once. */
export class CedarSet {
  readonly #scalars = new Set<Scalar>();
  readonly #others = new Map<string, Exclude<CedarValue, Scalar>>();
  #key: string | undefined;

  constructor(members: Iterable<CedarValue>) {
    for (const member of members) {
      if (typeof member === 'object') this.#others.set(keyOf(member), member);
      else this.#scalars.add(member);
    }
  }

  get size(): number {
    return this.#scalars.size + this.#others.size;
  }

  has(value: CedarValue): boolean {
    return typeof value === 'object' ? this.#others.has(keyOf(value)) : this.#scalars.has(value);
  }

  hasAll(of: CedarSet): boolean {
    if (of.size > this.size) return false;
    for (const scalar of of.#scalars) if (!this.#scalars.has(scalar)) return false;
    for (const key of of.#others.keys()) if (!this.#others.has(key)) return false;
    return true;
  }

  hasAny(of: CedarSet): boolean {
    if (of.size > this.size) return of.hasAny(this);
    for (const scalar of of.#scalars) if (this.#scalars.has(scalar)) return true;
    for (const key of of.#others.keys()) if (this.#others.has(key)) return true;
    return false;
  }

  /** Its members if all are entities. */
  entities(): EntityRef[] | undefined {
    if (this.#scalars.size > 0) return undefined;
    const entities: EntityRef[] = [];
    for (const member of this.#others.values()) {
      if (!(member instanceof EntityRef)) return undefined;
      entities.push(member);
    }
    return entities;
  }

  get key(): string {
    this.#key ??= `[${[...[...this.#scalars].map(keyOf), ...this.#others.keys()].sort().join(',')}]`;
    return this.#key;
  }
}

const none: ReadonlyMap<string, CedarValue> = new Map();

/**
 * Named values: those of `own` (undefined: hidden), else those of the first of `sources` that has the name. Members of JSON are made Cedar values when they
 * are read, since a policy reads few of them.
 */
export class CedarRecord {
  readonly #converted = new Map<string, CedarValue | undefined>();
  #key: string | undefined;

  constructor(
    private readonly own: ReadonlyMap<string, CedarValue | undefined>,
    private readonly sources: readonly Attributes[] = [],
    private readonly depth = 0,
  ) {}

  static of(source: Attributes, depth = 0): CedarRecord {
    return new CedarRecord(none, [source], depth);
  }

  get(name: string): CedarValue | undefined {
    if (this.own.has(name)) return this.own.get(name);
    for (const source of this.sources)
      if (Object.hasOwn(source, name)) return this.#convert(name, source[name] as Value);
    return undefined;
  }

  #convert(name: string, value: Value): CedarValue | undefined {
    if (escapes.has(name)) return undefined;
    if (typeof value !== 'object') return cedarValue(value, this.depth + 1);
    if (this.#converted.has(name)) return this.#converted.get(name);
    const converted = cedarValue(value, this.depth + 1);
    this.#converted.set(name, converted);
    return converted;
  }

  names(): string[] {
    const names = new Set([...this.own.keys(), ...this.sources.flatMap((source) => Object.keys(source))]);
    return [...names].filter((name) => this.get(name) !== undefined).sort();
  }

  get key(): string {
    this.#key ??= `{${this.names()
      .map((name) => `${JSON.stringify(name)}:${keyOf(this.get(name) as CedarValue)}`)
      .join(',')}}`;
    return this.#key;
  }
}

/** The Cedar form of a value of JSON, or undefined if it has none. `depth` is how deep it stands. */
export function cedarValue(value: Value, depth = 0): CedarValue | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : undefined;
  if (typeof value !== 'object') return value;
  if (value === null || depth > maxDepth) return undefined;
  if (!Array.isArray(value)) return CedarRecord.of(value as Attributes, depth);
  const members: CedarValue[] = [];
  for (const element of value) {
    const member = cedarValue(element, depth + 1);
    if (member !== undefined) members.push(member);
  }
  return new CedarSet(members);
}

/** The same text for equal values and for no others. */
export function keyOf(value: CedarValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof EntityRef) return `e${JSON.stringify(value.key)}`;
  if (value instanceof CedarSet || value instanceof CedarRecord) return value.key;
  return `${value.kind}${value.key}`;
}

export function equals(a: CedarValue, b: CedarValue): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof EntityRef) return b instanceof EntityRef && a.key === b.key;
  if (a instanceof CedarSet && b instanceof CedarSet && a.size < 8) return a.size === b.size && a.hasAll(b);
  // Keys are made once, so that many policies compare large values at the cost of one text each.
  return keyOf(a) === keyOf(b);
}
