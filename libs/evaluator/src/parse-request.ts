import { attributesFault, type Budget } from './attributes.js';
import type { Attributes, Entity, Parsed, Request } from './model.js';
import { limits, member, ok, parseActionName, parseResource, parseSubject, record, wrong } from './parse.js';

const none: Parsed<undefined> = ok(undefined);

/** Properties of one part; undefined where there are none. */
function propertiesOf(value: unknown, path: string, budget: Budget): Parsed<Attributes | undefined> {
  const of = record(value);
  const given = of && member(of, 'properties');
  if (given === undefined) return none;
  const fault = attributesFault(given, budget);
  return fault ? wrong(`${path}.properties`, fault) : ok(given as Attributes);
}

const errorsOf = (...parts: readonly Parsed<unknown>[]) => parts.flatMap((part) => (part.ok ? [] : part.errors));

const readEntity =
  (path: 'subject' | 'resource', parse: (value: unknown) => Parsed<Entity>) =>
  (value: unknown, budget: Budget): Parsed<Entity & { readonly properties?: Attributes }> => {
    const names = parse(value);
    const properties = propertiesOf(value, path, budget);
    if (!names.ok || !properties.ok) return { ok: false, errors: errorsOf(names, properties) };
    const { type, id } = names.value;
    return properties.value === undefined ? names : ok({ type, id, properties: properties.value });
  };

const readSubject = readEntity('subject', (value) => parseSubject(value));
const readResource = readEntity('resource', (value) => parseResource(value));

function readAction(value: unknown, budget: Budget): Parsed<Request['action']> {
  const of = record(value);
  if (!of) return wrong('action', value === undefined ? 'is missing' : 'must be an object with a name');
  const name = parseActionName(member(of, 'name'));
  const properties = propertiesOf(of, 'action', budget);
  if (!name.ok || !properties.ok) return { ok: false, errors: errorsOf(name, properties) };
  return ok(properties.value === undefined ? { name: name.value } : { name: name.value, properties: properties.value });
}

function readContext(value: unknown, budget: Budget): Parsed<Attributes | undefined> {
  if (value === undefined) return none;
  const fault = attributesFault(value, budget);
  return fault ? wrong('context', fault) : ok(value as Attributes);
}

/**
 * Reads one part of requests. The same value again, by identity, is not read again, but it takes of the budget what it
 * took: the items of a batch have most of their parts in common.
 */
function remembering<T>(read: (value: unknown, budget: Budget) => Parsed<T>): typeof read {
  let last: unknown;
  let known: Parsed<T> | undefined;
  let cost = 0;
  return (value, budget) => {
    if (known && value === last && cost <= budget.left) {
      budget.left -= cost;
      return known;
    }
    const before = budget.left;
    const parsed = read(value, budget);
    if (parsed.ok) [last, known, cost] = [value, parsed, before - budget.left];
    return parsed;
  };
}

/**
 * {@link parseRequest} for the items of one batch: a part that stands in several, as the same object, is read once and is
 * the same object in what comes out. The values may not change meanwhile.
 */
export function requestParser(): (value: unknown) => Parsed<Request> {
  const subjectOf = remembering(readSubject);
  const actionOf = remembering(readAction);
  const resourceOf = remembering(readResource);
  const contextOf = remembering(readContext);
  return (value) => {
    const of = record(value);
    if (!of) return wrong('', 'must be an object');
    const budget: Budget = { left: limits.attributes };
    const subject = subjectOf(member(of, 'subject'), budget);
    const action = actionOf(member(of, 'action'), budget);
    const resource = resourceOf(member(of, 'resource'), budget);
    const context = contextOf(member(of, 'context'), budget);
    if (!subject.ok || !action.ok || !resource.ok || !context.ok)
      return { ok: false, errors: errorsOf(subject, action, resource, context) };
    const names = { subject: subject.value, action: action.value, resource: resource.value };
    return ok(context.value === undefined ? names : { ...names, context: context.value });
  };
}

/**
 * A request from untyped input, or every field error at once. Unknown members are ignored, as AuthZEN demands; the
 * resource may also be text, see {@link parseResource}. Properties and context are taken as they are, within the bounds
 * of {@link limits} for all together. Never throws on data from `JSON.parse`.
 *
 * @example
 * parseRequest({ subject: { type: 'user', id: 'u_7' }, action: { name: 'logs.read' }, resource: 'runtime/app-web' })
 */
export const parseRequest = (value: unknown): Parsed<Request> => requestParser()(value);
