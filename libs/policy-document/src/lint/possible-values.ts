import type { Operand, Test } from '@gatehouse/evaluator';
import type { Impossible } from './impossible.js';

type Scalar = null | boolean | number | string;
type Operators = Exclude<Test, Operand>;

export interface Tested {
  readonly test: Test;
  readonly path: string;
}

const isScalar = (operand: unknown): operand is Scalar => operand === null || typeof operand !== 'object';
const isPath = (test: Test): test is { readonly path: string } =>
  typeof test === 'object' && test !== null && 'path' in test;

const neverMissing = /^(time\..*|subject\.(id|type)|resource\.(id|type)|action\.name)$/;
/** What the clock can say, as tests. */
const always: Readonly<Record<string, Operators>> = {
  'time.hour': { gte: 0, lte: 23 },
  'time.weekday': { gte: 1, lte: 7 },
};

/** What is left of the values that an attribute may have. */
class Possible {
  exists: boolean | undefined;
  /** Finite once `eq` or `in` was asked. */
  values: readonly Scalar[] | undefined;
  readonly not = new Set<Scalar>();
  low: { value: number | string; open: boolean } | undefined;
  high: { value: number | string; open: boolean } | undefined;
  prefix = '';
  /** The kind of value that some test asks for. */
  readonly kinds = new Set<string>();
}

/** Why no value of an attribute passes all these tests; `undefined` if one may. */
export function narrow(attribute: string, tested: readonly Tested[]): Impossible | undefined {
  const possible = new Possible();
  const known = always[attribute];
  if (known) ask(possible, known);
  for (const { test, path } of tested) {
    const operators: Operators = isScalar(test) || isPath(test) ? { eq: test as Operand } : (test as Operators);
    const isMissing = operators.exists === false && neverMissing.test(attribute);
    const reason = isMissing ? 'is never missing' : (ask(possible, operators) ?? conflict(possible));
    if (reason) return { path, reason };
  }
  return undefined;
}

function ask(possible: Possible, operators: Operators): string | undefined {
  const { exists, eq, not, in: among } = operators;
  const others = Object.keys(operators).filter((name) => name !== 'exists');
  if (exists !== undefined && possible.exists === !exists) return 'must be there and must not';
  if (exists !== undefined) possible.exists = exists;
  else if (others.length > 0 && possible.exists === undefined) possible.exists = true;
  if (possible.exists === false && (others.length > 0 || possible.kinds.size > 0))
    return 'is compared and must not be there';
  if (others.length > 0) possible.exists = true;
  if (eq !== undefined && isScalar(eq)) keep(possible, [eq]);
  if (among?.length === 0) return 'must be one of none';
  if (among?.every(isScalar)) keep(possible, among);
  if (not !== undefined && isScalar(not)) possible.not.add(not);
  order(possible, operators);
  if (typeof operators.prefix === 'string') return addPrefix(possible, operators.prefix);
  return undefined;
}

function keep(possible: Possible, values: readonly Scalar[]): void {
  possible.kinds.add('any');
  possible.values = possible.values ? possible.values.filter((value) => values.includes(value)) : values;
}

function order(possible: Possible, { lt, lte, gt, gte }: Operators): void {
  const isOrdered = (value: unknown): value is number | string =>
    typeof value === 'number' || typeof value === 'string';
  const bounds = [
    { value: lt, open: true, isHigh: true },
    { value: lte, open: false, isHigh: true },
    { value: gt, open: true, isHigh: false },
    { value: gte, open: false, isHigh: false },
  ];
  for (const { value, open, isHigh } of bounds) {
    if (!isOrdered(value)) continue;
    possible.kinds.add(typeof value);
    const before = isHigh ? possible.high : possible.low;
    const isTighter =
      before === undefined ||
      typeof before.value !== typeof value ||
      (isHigh ? value < before.value : value > before.value) ||
      (value === before.value && open);
    if (isTighter && isHigh) possible.high = { value, open };
    else if (isTighter) possible.low = { value, open };
  }
}

function addPrefix(possible: Possible, prefix: string): string | undefined {
  possible.kinds.add('string');
  if (!prefix.startsWith(possible.prefix) && !possible.prefix.startsWith(prefix)) return 'must begin in two ways';
  if (prefix.length > possible.prefix.length) possible.prefix = prefix;
  return undefined;
}

function conflict(possible: Possible): string | undefined {
  const { values, low, high, kinds } = possible;
  if (kinds.has('number') && kinds.has('string')) return 'must be a number and text';
  if (values)
    return values.some((value) => passes(possible, value)) ? undefined : 'has no value that passes all of this';
  if (!low || !high || typeof low.value !== typeof high.value) return undefined;
  const isEmpty = low.value > high.value || (low.value === high.value && (low.open || high.open));
  return isEmpty ? 'must be in a range that is empty' : undefined;
}

function passes({ not, low, high, prefix, kinds }: Possible, value: Scalar): boolean {
  if (not.has(value)) return false;
  for (const kind of ['number', 'string']) if (kinds.has(kind) && typeof value !== kind) return false;
  if (typeof value === 'string' && !value.startsWith(prefix)) return false;
  if (typeof value !== 'number' && typeof value !== 'string') return true;
  const isAbove = !low || (low.open ? value > low.value : value >= low.value);
  return isAbove && (!high || (high.open ? value < high.value : value <= high.value));
}
