import type { z } from 'zod';

/**
 * What a schema says of a value from outside. Never throws for anything that JSON can express.
 *
 * Zod compares `length` and `size` with the bounds of a text, list or set even when the value is none of them, and an
 * object that stands there decides itself what a comparison does: `{"length": {"toString": 1}}` throws a TypeError out
 * of `safeParse`, which ends a process that takes words from strangers.
 */
export function safeParse<S extends z.ZodType>(schema: S, value: unknown): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value);
  } catch {
    return schema.safeParse(comparable(value));
  }
}

const notANumber = { value: () => Number.NaN };

/**
 * The same value, in which what stands as a length or size has a conversion that can't fail. A symbol that is not enumerable: no
 * copy, comparison, JSON or hash of the value shows it.
 *
 * For a schema that contains itself, before `safeParse`: zod keeps something of each such parsing that is broken off.
 */
export function comparable<T>(value: T): T {
  if (!isObject(value)) return value;
  // A set that grows while it is walked: each object once, also where they form a circle.
  const found = new Set<Readonly<Record<string, unknown>>>([value]);
  for (const each of found) {
    // Of bytes each would be a member, and of a list each would have a name.
    if (ArrayBuffer.isView(each)) continue;
    if (Array.isArray(each)) {
      for (const member of each) if (isObject(member)) found.add(member);
      continue;
    }
    for (const key of Object.keys(each)) {
      const member = each[key];
      if (!isObject(member)) continue;
      if (key === 'length' || key === 'size') Reflect.defineProperty(member, Symbol.toPrimitive, notANumber);
      found.add(member);
    }
  }
  return value;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
