import { type FieldError, type Parsed, type Request, requestParser } from '@gatehouse/evaluator';

export const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const;
export type Semantic = (typeof semantics)[number];

export const maxEvaluations = 200;

export interface Batch {
  readonly semantic: Semantic;
  readonly items: readonly Parsed<Request>[];
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const wrong = (path: string, message: string): Parsed<never> => ({ ok: false, errors: [{ path, message }] });

/**
 * AuthZEN 1.0 "evaluations": top-level members are defaults, and an item's member replaces the whole default, but for what it
 * must have and has not: type, id or name are then the default's (certification scenario, 3.2.7). Without
 * a list (or with an empty one) it is a single evaluation: answers undefined as `batch`. A bad item does not spoil a
 * good batch.
 */
export function parseEvaluations(body: unknown): Parsed<Batch | undefined> {
  if (!isObject(body)) return wrong('', 'must be an object');
  const { evaluations, options } = body;
  if (evaluations === undefined) return { ok: true, value: undefined };
  if (!Array.isArray(evaluations)) return wrong('evaluations', 'must be a list');
  if (evaluations.length === 0) return { ok: true, value: undefined };
  if (evaluations.length > maxEvaluations) return wrong('evaluations', `must have at most ${maxEvaluations} items`);
  const semantic = parseSemantic(options);
  if (!semantic.ok) return semantic;
  const parse = requestParser();
  const items = evaluations.map((item: unknown, i) =>
    isObject(item) ? withPath(parse(completed(item, body)), i) : wrong(`evaluations.${i}`, 'must be an object'),
  );
  return { ok: true, value: { semantic: semantic.value, items } };
}

/** What an item asks: its own members, and the defaults where it has none. Most have all that they need, and are left as they are. */
const completed = (item: Json, { subject, action, resource, context }: Json): Json => ({
  subject: filled(item.subject, subject, entityNames),
  action: filled(item.action, action, actionNames),
  resource: filled(item.resource, resource, entityNames),
  context: item.context === undefined ? context : item.context,
});

const entityNames = ['type', 'id'];
const actionNames = ['name'];

/** A member as a whole, or the default; a member that lacks its type, id or name has that of the default. */
function filled(member: unknown, fallback: unknown, names: readonly string[]): unknown {
  if (member === undefined) return fallback;
  if (!isObject(member) || !isObject(fallback)) return member;
  const lacking = names.filter((name) => !Object.hasOwn(member, name) && Object.hasOwn(fallback, name));
  if (lacking.length === 0) return member;
  return { ...member, ...Object.fromEntries(lacking.map((name) => [name, fallback[name]])) };
}

function parseSemantic(options: unknown): Parsed<Semantic> {
  if (options === undefined) return { ok: true, value: 'execute_all' };
  if (!isObject(options)) return wrong('options', 'must be an object');
  const asked = options.evaluations_semantic ?? 'execute_all';
  const known = semantics.find((name) => name === asked);
  return known
    ? { ok: true, value: known }
    : wrong('options.evaluations_semantic', `must be one of ${semantics.join(', ')}`);
}

const withPath = (parsed: Parsed<Request>, i: number): Parsed<Request> =>
  parsed.ok
    ? parsed
    : { ok: false, errors: parsed.errors.map((e): FieldError => ({ ...e, path: `evaluations.${i}.${e.path}` })) };

/** Whether an answer ends the batch. */
export const endsBatch = (semantic: Semantic, decision: boolean): boolean =>
  (semantic === 'deny_on_first_deny' && !decision) || (semantic === 'permit_on_first_permit' && decision);
