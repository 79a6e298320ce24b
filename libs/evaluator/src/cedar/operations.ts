import { Datetime, Duration } from './datetime.js';
import { add, isLong, type Long, multiply, subtract } from './long.js';
import { CedarSet, type CedarValue, EntityRef, equals } from './values.js';
import type { World } from './world.js';

/** Of two values; undefined where Cedar's evaluation fails. */
export type Operation = (a: CedarValue, b: CedarValue, world: World) => CedarValue | undefined;

/** What has an order is compared with its like. */
const ordered =
  (compare: (a: Long, b: Long) => boolean): Operation =>
  (a, b) => {
    if (isLong(a)) return isLong(b) ? compare(a, b) : undefined;
    if (a instanceof Datetime) return b instanceof Datetime ? compare(a.ms, b.ms) : undefined;
    if (a instanceof Duration) return b instanceof Duration ? compare(a.ms, b.ms) : undefined;
    return undefined;
  };

const ofLongs =
  (apply: (a: Long, b: Long) => Long | undefined): Operation =>
  (a, b) =>
    isLong(a) && isLong(b) ? apply(a, b) : undefined;

const ofSets =
  (apply: (a: CedarSet, b: CedarSet) => boolean): Operation =>
  (a, b) =>
    a instanceof CedarSet && b instanceof CedarSet ? apply(a, b) : undefined;

export const isIn: Operation = (entity, of, world) => {
  if (!(entity instanceof EntityRef)) return undefined;
  if (of instanceof EntityRef) return world.isIn(entity, of.key);
  const entities = of instanceof CedarSet ? of.entities() : undefined;
  return entities?.some((one) => world.isIn(entity, one.key));
};

/** Operators that compute both sides first, by their names in Cedar's JSON. */
export const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['==', (a, b) => equals(a, b)],
  ['!=', (a, b) => !equals(a, b)],
  ['<', ordered((a, b) => a < b)],
  ['<=', ordered((a, b) => a <= b)],
  ['>', ordered((a, b) => a > b)],
  ['>=', ordered((a, b) => a >= b)],
  ['+', ofLongs(add)],
  ['-', ofLongs(subtract)],
  ['*', ofLongs(multiply)],
  ['contains', (set, value) => (set instanceof CedarSet ? set.has(value) : undefined)],
  ['containsAll', ofSets((a, b) => a.hasAll(b))],
  ['containsAny', ofSets((a, b) => a.hasAny(b))],
  ['in', isIn],
  // No entity has tags here.
  ['hasTag', (entity, tag) => (entity instanceof EntityRef && typeof tag === 'string' ? false : undefined)],
  ['getTag', () => undefined],
]);
