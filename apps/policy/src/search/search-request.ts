import { type FieldError, type Parsed, parseRequest, type Request } from '@gatehouse/evaluator';

/** What is looked for. */
export const searchKinds = ['subject', 'resource', 'action'] as const;
export type SearchKind = (typeof searchKinds)[number];

/** A page with explanations is shorter: each result may have 16 rules, and each of these two events. */
export const pageLimits = { default: 100, max: 1_000, explained: 100, tokenLength: 2_048 } as const;

export interface PageRequest {
  readonly token?: string;
  /** Absent: that of the page before, else the default. Never more than {@link pageLimits}`.max`. */
  readonly limit?: number;
}

/** A question with one part left open. The open part holds a name of ours that is not looked at. */
export interface Search {
  readonly kind: SearchKind;
  readonly request: Request;
  readonly page: PageRequest;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fills the place of what is searched, so that everything else is checked by the evaluator's own rules. */
const open = 'any';

/**
 * A search of AuthZEN 1.0 (8) from untyped input, or every field error. The open entity keeps its type alone: an id that
 * is given is ignored, and so are its properties, which would be those of all candidates. Unknown members are ignored, in
 * an action search `action` with them.
 */
export function parseSearch(kind: SearchKind, body: unknown): Parsed<Search> {
  if (!isObject(body)) return { ok: false, errors: [{ path: '', message: 'must be an object' }] };
  const request = parseRequest({ ...body, [kind]: opened(kind, body[kind]) });
  const page = parsePage(body.page);
  const own = parseOwnContext(request);
  if (request.ok && page.ok && own.ok) return { ok: true, value: { kind, request: request.value, page: page.value } };
  return {
    ok: false,
    errors: [request, page, own].flatMap((part): readonly FieldError[] => (part.ok ? [] : part.errors)),
  };
}

function opened(kind: SearchKind, entity: unknown): unknown {
  if (kind === 'action') return { name: open };
  // What is no object is left as it is, to be refused: text for instance, which elsewhere may be a resource.
  if (typeof entity === 'string') return null;
  return isObject(entity) ? { type: entity.type, id: open } : entity;
}

/** Gatehouse's own members of `context`. */
function parseOwnContext(request: Parsed<Request>): Parsed<true> {
  const { as_of: asOf, explain } = (request.ok && request.value.context) || {};
  const errors = [
    ...(asOf === undefined || typeof asOf === 'string' ? [] : [{ path: 'context.as_of', message: 'must be text' }]),
    ...(explain === undefined || typeof explain === 'boolean'
      ? []
      : [{ path: 'context.explain', message: 'must be true or false' }]),
  ];
  return errors.length > 0 ? { ok: false, errors } : { ok: true, value: true };
}

function parsePage(page: unknown): Parsed<PageRequest> {
  if (page === undefined || page === null) return { ok: true, value: {} };
  if (!isObject(page)) return { ok: false, errors: [{ path: 'page', message: 'must be an object' }] };
  const { token, limit } = page;
  const faults = [
    { path: 'page.token', message: tokenFault(token) },
    { path: 'page.limit', message: limitFault(limit) },
  ];
  const errors = faults.filter((fault): fault is FieldError => fault.message !== undefined);
  if (errors.length > 0) return { ok: false, errors };
  return {
    ok: true,
    value: {
      // An empty token is what the last page ends with, and what some clients send for the first.
      ...(typeof token === 'string' && token !== '' && { token }),
      ...(typeof limit === 'number' && { limit: Math.min(limit, pageLimits.max) }),
    },
  };
}

function tokenFault(token: unknown): string | undefined {
  if (token === undefined || token === null) return undefined;
  if (typeof token !== 'string') return 'must be text';
  return token.length > pageLimits.tokenLength ? `must have at most ${pageLimits.tokenLength} characters` : undefined;
}

function limitFault(limit: unknown): string | undefined {
  if (limit === undefined || limit === null) return undefined;
  return Number.isSafeInteger(limit) && (limit as number) >= 0 ? undefined : 'must be a whole number from 0';
}
