import { attributesFault, type Budget } from './attributes.js';
import type { Attributes, FieldError, Parsed, Request, Resource, Scope, Subject } from './model.js';

/**
 * Longest accepted texts, in UTF-16 code units. Those of the subject are the bounds of an event's actor. `attributes`:
 * all properties and the context of a request together, see {@link attributesFault}.
 */
export const limits = {
  subjectType: 64,
  subjectId: 256,
  action: 128,
  resourceType: 64,
  resourceId: 512,
  attributes: 8_192,
} as const;

const scopeWordPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/** Control characters deceive readers of logs; half a surrogate pair could not be recorded in canonical JSON. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const wrong = <T>(path: string, message: string): Parsed<T> => ({ ok: false, errors: [{ path, message }] });

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const member = (of: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(of, name) ? of[name] : undefined;

function textFault(value: unknown, limit: number): string | undefined {
  if (typeof value !== 'string') return value === undefined ? 'is missing' : 'must be text';
  if (value === '') return 'must not be empty';
  if (value.length > limit) return `must have at most ${limit} characters`;
  return unprintable.test(value) ? 'must not hold control characters or half a surrogate pair' : undefined;
}

/** Whether a text may be a name: not empty, not too long, nothing in it that deceives a reader. */
export const isPrintable = (value: unknown, limit: number): boolean => textFault(value, limit) === undefined;

/** An entity of AuthZEN: an object with `type` and `id`; other members are ignored. */
function parseEntity(value: unknown, path: string, typeLimit: number, idLimit: number): Parsed<Subject> {
  const of = record(value);
  if (!of) return wrong(path, value === undefined ? 'is missing' : 'must be an object with type and id');
  const type = member(of, 'type');
  const id = member(of, 'id');
  const faults = [
    { path: `${path}.type`, message: textFault(type, typeLimit) },
    { path: `${path}.id`, message: textFault(id, idLimit) },
  ];
  const errors = faults.filter((fault): fault is FieldError => fault.message !== undefined);
  return errors.length > 0 ? { ok: false, errors } : ok({ type: type as string, id: id as string });
}

function parseResourceText(text: string, path: string): Parsed<Resource> {
  const slash = text.indexOf('/');
  if (slash >= 0) return parseResource({ type: text.slice(0, slash), id: text.slice(slash + 1) }, path);
  if (!scopeWordPattern.test(text)) return wrong(path, 'must be type/name or a scope word');
  return parseResource({ type: 'scope', id: text }, path);
}

/**
 * A resource from `{type, id}`, from `type/name` (the name may hold further slashes) or from a bare scope word.
 * `path` is where errors say the value stands.
 *
 * @example parseResource('project/app-web') // { ok: true, value: { type: 'project', id: 'app-web' } }
 * @example parseResource('production')      // { ok: true, value: { type: 'scope', id: 'production' } }
 */
export function parseResource(value: unknown, path = 'resource'): Parsed<Resource> {
  if (typeof value === 'string') return parseResourceText(value, path);
  const parsed = parseEntity(value, path, limits.resourceType, limits.resourceId);
  // The text form ends the type at the first slash, so no type may hold one.
  if (parsed.ok && parsed.value.type.includes('/')) return wrong(`${path}.type`, 'must not hold a slash');
  return parsed;
}

/** Reverse of {@link parseResource}: always `type/name`, `scope/production` for a scope word. */
export const formatResource = (resource: Resource): string => `${resource.type}/${resource.id}`;

/** The scope of a grant: `*` for the whole tenant, else what {@link parseResource} takes. */
export const parseScope = (value: unknown, path = 'scope'): Parsed<Scope> =>
  value === '*' ? ok('*') : parseResource(value, path);

export const formatScope = (scope: Scope): string => (scope === '*' ? '*' : formatResource(scope));

export const parseSubject = (value: unknown, path = 'subject'): Parsed<Subject> =>
  parseEntity(value, path, limits.subjectType, limits.subjectId);

/** The name of an action: any printable text; {@link limits}`.action` bounds it. */
export function parseActionName(value: unknown, path = 'action.name'): Parsed<string> {
  const fault = textFault(value, limits.action);
  return fault ? wrong(path, fault) : ok(value as string);
}

function parseAction(value: unknown): Parsed<string> {
  const of = record(value);
  return of
    ? parseActionName(member(of, 'name'))
    : wrong('action', value === undefined ? 'is missing' : 'must be an object with a name');
}

/** Properties of one part, beside its names. */
function withProperties<T extends object>(
  part: Parsed<T>,
  value: unknown,
  path: string,
  budget: Budget,
): Parsed<T & { readonly properties?: Attributes }> {
  const of = record(value);
  const given = of && member(of, 'properties');
  if (given === undefined) return part;
  const fault = attributesFault(given, budget);
  if (fault)
    return { ok: false, errors: [...(part.ok ? [] : part.errors), { path: `${path}.properties`, message: fault }] };
  return part.ok ? ok({ ...part.value, properties: given as Attributes }) : part;
}

/**
 * A request from untyped input, or every field error at once. Unknown members are ignored, as AuthZEN demands; the
 * resource may also be text, see {@link parseResource}. Properties and context are taken as they are, within the bounds
 * of {@link limits} for all together. Never throws on data from `JSON.parse`.
 *
 * @example
 * parseRequest({ subject: { type: 'user', id: 'u_7' }, action: { name: 'logs.read' }, resource: 'runtime/app-web' })
 */
export function parseRequest(value: unknown): Parsed<Request> {
  const of = record(value);
  if (!of) return wrong('', 'must be an object');
  const budget: Budget = { left: limits.attributes };
  const given = (name: string) => member(of, name);
  const subject = withProperties(parseSubject(given('subject')), given('subject'), 'subject', budget);
  const name = parseAction(given('action'));
  const action = withProperties(name.ok ? ok({ name: name.value }) : name, given('action'), 'action', budget);
  const resource = withProperties(parseResource(given('resource')), given('resource'), 'resource', budget);
  const context = given('context');
  const fault = context === undefined ? undefined : attributesFault(context, budget);
  if (subject.ok && action.ok && resource.ok && !fault) {
    const names = { subject: subject.value, action: action.value, resource: resource.value };
    return ok(context === undefined ? names : { ...names, context: context as Attributes });
  }
  const errors = [subject, action, resource].flatMap((part) => (part.ok ? [] : part.errors));
  return { ok: false, errors: fault ? [...errors, { path: 'context', message: fault }] : errors };
}
