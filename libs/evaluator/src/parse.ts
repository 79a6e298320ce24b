import type { FieldError, Parsed, Resource, Scope, Subject } from './model.js';

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

/** Nearly every name; for these nothing else is looked at. */
const plain = /^[ -~]*$/;
/** Control characters deceive readers of logs; half a surrogate pair could not be recorded in canonical JSON. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

export const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
export const wrong = <T>(path: string, message: string): Parsed<T> => ({ ok: false, errors: [{ path, message }] });

export function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export const member = (of: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(of, name) ? of[name] : undefined;

function textFault(value: unknown, limit: number): string | undefined {
  if (typeof value !== 'string') return value === undefined ? 'is missing' : 'must be text';
  if (value === '') return 'must not be empty';
  if (value.length > limit) return `must have at most ${limit} characters`;
  if (plain.test(value)) return undefined;
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
  const typeFault = textFault(type, typeLimit);
  const idFault = textFault(id, idLimit);
  if (typeFault === undefined && idFault === undefined) return ok({ type: type as string, id: id as string });
  const faults = [
    { path: `${path}.type`, message: typeFault },
    { path: `${path}.id`, message: idFault },
  ];
  return { ok: false, errors: faults.filter((fault): fault is FieldError => fault.message !== undefined) };
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
