import type { FieldError, Parsed, Request, Resource, Scope, Subject } from './model.js';

/** Longest accepted texts, in UTF-16 code units. Those of the subject are the bounds of an event's actor. */
export const limits = { subjectType: 64, subjectId: 256, action: 128, resourceType: 64, resourceId: 512 } as const;

/** `noun.verb`: one to four dotted words. */
const actionPattern = /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*){0,3}$/;
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

/** The name of an action; {@link limits}`.action` bounds it. */
export function parseActionName(value: unknown, path = 'action.name'): Parsed<string> {
  const fault = textFault(value, limits.action);
  if (fault) return wrong(path, fault);
  return actionPattern.test(value as string)
    ? ok(value as string)
    : wrong(path, 'must be one to four dotted words of a-z, 0-9, - and _, each beginning with a letter');
}

function parseAction(value: unknown): Parsed<string> {
  const of = record(value);
  return of
    ? parseActionName(member(of, 'name'))
    : wrong('action', value === undefined ? 'is missing' : 'must be an object with a name');
}

/**
 * A request from untyped input, or every field error at once. Unknown members are ignored, as AuthZEN demands; the
 * resource may also be text, see {@link parseResource}. Never throws on data from `JSON.parse`.
 *
 * @example
 * parseRequest({ subject: { type: 'user', id: 'u_7' }, action: { name: 'logs.read' }, resource: 'runtime/app-web' })
 */
export function parseRequest(value: unknown): Parsed<Request> {
  const of = record(value);
  if (!of) return wrong('', 'must be an object');
  const subject = parseSubject(member(of, 'subject'));
  const action = parseAction(member(of, 'action'));
  const resource = parseResource(member(of, 'resource'));
  if (subject.ok && action.ok && resource.ok) {
    return ok({ subject: subject.value, action: { name: action.value }, resource: resource.value });
  }
  return { ok: false, errors: [subject, action, resource].flatMap((part) => (part.ok ? [] : part.errors)) };
}
