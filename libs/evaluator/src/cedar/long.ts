/** Cedar's whole number: 64 bits, signed. A `number` if it is safe as one, else a `bigint`; so `===` is equality. */
export type Long = number | bigint;

const min = -(2n ** 63n);
const max = 2n ** 63n - 1n;

/** Undefined outside of 64 bits. */
export function longOf(value: bigint): Long | undefined {
  if (value < min || value > max) return undefined;
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

export const isLong = (value: unknown): value is Long => typeof value === 'number' || typeof value === 'bigint';

// A result that is safe is exact. Adding zero makes a negative zero a zero.
export function add(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum + 0;
  }
  return longOf(BigInt(a) + BigInt(b));
}

export function subtract(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference + 0;
  }
  return longOf(BigInt(a) - BigInt(b));
}

export function multiply(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return longOf(BigInt(a) * BigInt(b));
}

export const negate = (a: Long): Long | undefined => subtract(0, a);

/** Rounds towards zero. */
export function divide(a: Long, by: number): Long {
  // Taking the remainder off first keeps the division exact.
  if (typeof a === 'number') return (a - (a % by)) / by + 0;
  return longOf(a / BigInt(by)) as Long;
}

/** The remainder that is never negative. */
export function modulo(a: Long, by: number): number {
  const remainder = typeof a === 'number' ? a % by : Number(a % BigInt(by));
  return (remainder < 0 ? remainder + by : remainder) + 0;
}
