import { isWithin, parseAddress, parseNetwork } from './cidr.js';
import type { Frame } from './frame.js';
import type { Condition, Operand, Test, Value } from './model.js';
import { compilePath, type Read } from './path.js';

/** Three values: false, unknown, true. `all` is the least of them, `any` the greatest. */
export type Truth = 0 | 1 | 2;
export type Compiled = (frame: Frame) => Truth;

const no = 0;
const unknown = 1;
const yes = 2;
const truth = (holds: boolean): Truth => (holds ? yes : no);

const isScalar = (value: Value): value is null | boolean | number | string =>
  typeof value !== 'object' || value === null;

const equal = (a: Value, b: Value): Truth => (isScalar(a) && isScalar(b) ? truth(a === b) : unknown);

const ordered =
  (holds: (a: number | string, b: number | string) => boolean) =>
  (a: Value, b: Value): Truth =>
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string')
      ? truth(holds(a, b))
      : unknown;

function contains(list: Value, element: Value): Truth {
  if (!Array.isArray(list) || !isScalar(element)) return unknown;
  return truth(list.includes(element));
}

/** Operators that compare an attribute with one operand, both there. */
const comparisons: Readonly<Record<string, (attribute: Value, operand: Value) => Truth>> = {
  eq: equal,
  not: (a, b) => (2 - equal(a, b)) as Truth,
  lt: ordered((a, b) => a < b),
  lte: ordered((a, b) => a <= b),
  gt: ordered((a, b) => a > b),
  gte: ordered((a, b) => a >= b),
  prefix: (a, b) => (typeof a === 'string' && typeof b === 'string' ? truth(a.startsWith(b)) : unknown),
  contains,
};

/** Names of all operators. */
export const operators: ReadonlySet<string> = new Set([...Object.keys(comparisons), 'in', 'cidr', 'exists']);

const nothing: Read = () => undefined;

export const isPathOperand = (operand: unknown): operand is { readonly path: string } =>
  typeof operand === 'object' && operand !== null && Object.hasOwn(operand, 'path');

const compileOperand = (operand: Operand): Read =>
  isPathOperand(operand) ? (compilePath(operand.path) ?? nothing) : () => operand;

function compare(read: Read, by: (a: Value, b: Value) => Truth, operand: Operand): Compiled {
  if (!isPathOperand(operand)) {
    return (frame) => {
      const value = read(frame);
      return value === undefined ? unknown : by(value, operand);
    };
  }
  const other = compileOperand(operand);
  return (frame) => {
    const value = read(frame);
    const against = other(frame);
    return value === undefined || against === undefined ? unknown : by(value, against);
  };
}

function oneOf(read: Read, operands: readonly Operand[]): Compiled {
  if (operands.some(isPathOperand)) {
    const each = any(operands.map((operand) => compare(read, equal, operand)));
    return (frame) => (read(frame) === undefined ? unknown : each(frame));
  }
  const values = new Set<Value>(operands as readonly Value[]);
  return (frame) => {
    const value = read(frame);
    if (value === undefined) return unknown;
    if (values.size === 0) return no;
    return isScalar(value) ? truth(values.has(value)) : unknown;
  };
}

function within(read: Read, source: string): Compiled {
  const network = parseNetwork(source);
  return (frame) => {
    const value = read(frame);
    const address = typeof value === 'string' ? parseAddress(value) : undefined;
    return network && address ? truth(isWithin(network, address)) : unknown;
  };
}

function compileTest(read: Read, test: Test): Compiled {
  if (typeof test !== 'object' || test === null || isPathOperand(test)) return compare(read, equal, test);
  return all(
    Object.entries(test).flatMap(([name, operand]): Compiled[] => {
      if (operand === undefined) return [];
      if (name === 'exists') return [(frame) => truth((read(frame) !== undefined) === operand)];
      if (name === 'in') return [oneOf(read, operand as readonly Operand[])];
      if (name === 'cidr') return [within(read, operand as string)];
      const by = comparisons[name];
      return by ? [compare(read, by, operand as Operand)] : [];
    }),
  );
}

function all(parts: readonly Compiled[]): Compiled {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  return (frame) => {
    let least: Truth = yes;
    for (const part of parts) {
      const value = part(frame);
      if (value === no) return no;
      if (value < least) least = value;
    }
    return least;
  };
}

function any(parts: readonly Compiled[]): Compiled {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  return (frame) => {
    let greatest: Truth = no;
    for (const part of parts) {
      const value = part(frame);
      if (value === yes) return yes;
      if (value > greatest) greatest = value;
    }
    return greatest;
  };
}

function not(part: Compiled): Compiled {
  return (frame) => (2 - part(frame)) as Truth;
}

/** A condition that {@link conditionErrors} has looked at. */
export function compileCondition(condition: Condition): Compiled {
  return all(
    Object.entries(condition).flatMap(([key, value]): Compiled[] => {
      if (value === undefined) return [];
      if (key === 'all') return [all((value as readonly Condition[]).map(compileCondition))];
      if (key === 'any') return [any((value as readonly Condition[]).map(compileCondition))];
      if (key === 'not') return [not(compileCondition(value as Condition))];
      return [compileTest(compilePath(key) ?? nothing, value as Test)];
    }),
  );
}
