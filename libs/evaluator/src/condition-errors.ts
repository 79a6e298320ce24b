import { parseNetwork } from './cidr.js';
import { isPathOperand, operators } from './condition.js';
import type { Condition, FieldError } from './model.js';
import { compilePath } from './path.js';

/** Bounds of one condition. */
export const conditionLimits = { depth: 16, parts: 256, operands: 1_024, textChars: 1_024 } as const;

interface Walk {
  readonly errors: FieldError[];
  readonly reads: Set<string>;
  parts: number;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function walkPath(walk: Walk, source: unknown, at: string): void {
  if (typeof source === 'string' && compilePath(source)) walk.reads.add(source);
  else walk.errors.push({ path: at, message: 'is no path of an attribute' });
}

function walkOperand(walk: Walk, operand: unknown, at: string): void {
  if (isPathOperand(operand)) {
    if (Object.keys(operand).length > 1) walk.errors.push({ path: at, message: 'must have path alone' });
    walkPath(walk, operand.path, `${at}.path`);
    return;
  }
  const isScalar = operand === null || ['boolean', 'number', 'string'].includes(typeof operand);
  if (!isScalar || (typeof operand === 'number' && !Number.isFinite(operand)))
    walk.errors.push({ path: at, message: 'must be text, a number, true, false, null or a path' });
  else if (typeof operand === 'string' && operand.length > conditionLimits.textChars)
    walk.errors.push({ path: at, message: `must have at most ${conditionLimits.textChars} characters` });
}

function walkOperator(walk: Walk, name: string, operand: unknown, at: string): void {
  if (!operators.has(name)) walk.errors.push({ path: at, message: 'is no operator' });
  else if (name === 'exists') {
    if (typeof operand !== 'boolean') walk.errors.push({ path: at, message: 'must be true or false' });
  } else if (name === 'cidr') {
    if (typeof operand !== 'string' || !parseNetwork(operand)) walk.errors.push({ path: at, message: 'is no network' });
  } else if (name === 'in') {
    if (!Array.isArray(operand) || operand.length > conditionLimits.operands)
      walk.errors.push({ path: at, message: `must be a list of at most ${conditionLimits.operands}` });
    else for (const [i, one] of operand.entries()) walkOperand(walk, one, `${at}.${i}`);
  } else walkOperand(walk, operand, at);
}

function walkTest(walk: Walk, test: unknown, at: string): void {
  if (!isObject(test) || isPathOperand(test)) walkOperand(walk, test, at);
  else
    for (const [name, operand] of Object.entries(test)) {
      if (operand !== undefined) walkOperator(walk, name, operand, `${at}.${name}`);
    }
}

function walkCondition(walk: Walk, condition: unknown, at: string, depth: number): void {
  if (depth > conditionLimits.depth) {
    walk.errors.push({ path: at, message: 'is too deep' });
    return;
  }
  if (!isObject(condition)) {
    walk.errors.push({ path: at, message: 'must be an object' });
    return;
  }
  for (const [key, value] of Object.entries(condition)) {
    if (value === undefined) continue;
    if (++walk.parts > conditionLimits.parts) return void walk.errors.push({ path: at, message: 'is too large' });
    const here = `${at}.${key}`;
    if (key === 'not') walkCondition(walk, value, here, depth + 1);
    else if (key !== 'all' && key !== 'any') {
      walkPath(walk, key, here);
      walkTest(walk, value, here);
    } else if (Array.isArray(value)) {
      for (const [i, part] of value.entries()) walkCondition(walk, part, `${here}.${i}`, depth + 1);
    } else walk.errors.push({ path: here, message: 'must be a list' });
  }
}

function walkOf(condition: Condition, at: string): Walk {
  const walk: Walk = { errors: [], reads: new Set(), parts: 0 };
  walkCondition(walk, condition, at, 0);
  return walk;
}

/** All that keeps a condition from being compiled. */
export const conditionErrors = (condition: Condition, at: string): readonly FieldError[] =>
  walkOf(condition, at).errors;

/** Paths of the attributes that a condition reads. */
export const readsOf = (condition: Condition | undefined): readonly string[] =>
  condition ? [...walkOf(condition, '').reads] : [];
