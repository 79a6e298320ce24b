import type { Attributes, Condition, EntityFacts, Operand, Request, Test, Value } from '../model.js';
import { networkHas } from './match.fixture.js';

export type Truth = boolean | undefined;

/** What a condition reads. */
export interface Scene {
  readonly request: Request;
  readonly subject: EntityFacts | undefined;
  readonly resource: EntityFacts | undefined;
  readonly nowMs: number;
}

export function truthOf(condition: Condition, scene: Scene): Truth {
  const members: Truth[] = [];
  for (const [key, value] of Object.entries(condition)) {
    if (value === undefined) continue;
    if (key === 'all') members.push(all((value as readonly Condition[]).map((one) => truthOf(one, scene))));
    else if (key === 'any') members.push(any((value as readonly Condition[]).map((one) => truthOf(one, scene))));
    else if (key === 'not') members.push(negated(truthOf(value as Condition, scene)));
    else members.push(testTruth(key, value as Test, scene));
  }
  return all(members);
}

const all = (truths: readonly Truth[]): Truth =>
  truths.includes(false) ? false : truths.includes(undefined) ? undefined : true;
const any = (truths: readonly Truth[]): Truth =>
  truths.includes(true) ? true : truths.includes(undefined) ? undefined : false;
const negated = (truth: Truth): Truth => (truth === undefined ? undefined : !truth);

function testTruth(path: string, test: Test, scene: Scene): Truth {
  const attribute = valueAt(path, scene);
  if (typeof test !== 'object' || test === null || Object.hasOwn(test, 'path')) {
    return operatorTruth('eq', attribute, test, scene);
  }
  return all(
    Object.entries(test)
      .filter(([, operand]) => operand !== undefined)
      .map(([operator, operand]) => operatorTruth(operator, attribute, operand, scene)),
  );
}

function operatorTruth(operator: string, attribute: Value | undefined, operand: unknown, scene: Scene): Truth {
  if (operator === 'exists') return (attribute !== undefined) === operand;
  if (attribute === undefined) return undefined;
  if (operator === 'in') return any((operand as Operand[]).map((one) => equal(attribute, operandValue(one, scene))));
  if (operator === 'cidr') {
    return typeof attribute === 'string' ? networkHas(operand as string, attribute) : undefined;
  }
  const other = operandValue(operand as Operand, scene);
  if (other === undefined) return undefined;
  switch (operator) {
    case 'eq':
      return equal(attribute, other);
    case 'not':
      return negated(equal(attribute, other));
    case 'prefix':
      return typeof attribute === 'string' && typeof other === 'string' ? attribute.startsWith(other) : undefined;
    case 'contains':
      if (!Array.isArray(attribute) || !isScalar(other)) return undefined;
      return attribute.filter(isScalar).some((element) => equal(element, other) === true);
    default:
      return compared(operator, attribute, other);
  }
}

function compared(operator: string, a: Value, b: Value): Truth {
  const areNumbers = typeof a === 'number' && typeof b === 'number';
  const areText = typeof a === 'string' && typeof b === 'string';
  if (!areNumbers && !areText) return undefined;
  if (operator === 'lt') return a < b;
  if (operator === 'lte') return a <= b;
  if (operator === 'gt') return a > b;
  if (operator === 'gte') return a >= b;
  throw new Error(`no operator: ${operator}`);
}

const isScalar = (value: Value): boolean => typeof value !== 'object' || value === null;

function equal(a: Value, b: Value | undefined): Truth {
  if (b === undefined || !isScalar(a) || !isScalar(b)) return undefined;
  return a === b;
}

const operandValue = (operand: Operand, scene: Scene): Value | undefined =>
  typeof operand === 'object' && operand !== null ? valueAt(operand.path, scene) : operand;

/** semantics.md 6, the last lines; undefined: missing. */
export function valueAt(path: string, { request, subject, resource, nowMs }: Scene): Value | undefined {
  const [root = '', ...names] = path.split('.');
  const [first, ...rest] = names;
  if (root === 'subject' || root === 'resource') {
    const entity = root === 'subject' ? request.subject : request.resource;
    const facts = root === 'subject' ? subject : resource;
    if (first === 'id' || first === 'type') return rest.length === 0 ? entity[first] : undefined;
    if (first === 'labels') return own(facts?.labels, rest.join('.'));
    if (root === 'resource' && first === 'owner') {
      return facts?.owner && rest.length === 0 ? `${facts.owner.type}/${facts.owner.id}` : undefined;
    }
    return inside(first, rest, entity.properties, facts?.properties);
  }
  if (root === 'action') {
    if (first === 'name') return rest.length === 0 ? request.action.name : undefined;
    return inside(first, rest, request.action.properties);
  }
  if (root === 'context') return inside(first, rest, request.context);
  if (root === 'time' && rest.length === 0) return timeValue(first, nowMs);
  return undefined;
}

/** The first source that has the property of that name counts, the others do not complete it. */
function inside(first: string | undefined, rest: readonly string[], ...sources: (Attributes | undefined)[]) {
  if (first === undefined) return undefined;
  let value: Value | undefined;
  for (const source of sources) {
    value = own(source, first);
    if (value !== undefined) break;
  }
  for (const name of rest) value = own(value, name);
  return value;
}

function own(value: Value | undefined, name: string): Value | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Attributes)[name] : undefined;
}

function timeValue(name: string | undefined, nowMs: number): Value | undefined {
  const date = new Date(nowMs);
  if (Number.isNaN(date.getTime())) return undefined;
  const text = date.toISOString();
  if (name === 'now') return text;
  if (name === 'date') return text.slice(0, text.indexOf('T'));
  if (name === 'hour') return date.getUTCHours();
  if (name === 'weekday') return date.getUTCDay() === 0 ? 7 : date.getUTCDay();
  return undefined;
}
