import { type FieldError, type Parsed, parseRequest, type Request } from '@gatehouse/evaluator';

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
 * AuthZEN 1.0 "evaluations": top-level members are defaults, and an item's member replaces the whole default. Without
 * a list (or with an empty one) it is a single evaluation: answers undefined as `batch`. A bad item does not spoil a
 * good batch.
 */
export function parseEvaluations(body: unknown): Parsed<Batch | undefined> {
  if (!isObject(body)) return wrong('', 'must be an object');
  const { evaluations, options, ...defaults } = body;
  if (evaluations === undefined) return { ok: true, value: undefined };
  if (!Array.isArray(evaluations)) return wrong('evaluations', 'must be a list');
  if (evaluations.length === 0) return { ok: true, value: undefined };
  if (evaluations.length > maxEvaluations) return wrong('evaluations', `must have at most ${maxEvaluations} items`);
  const semantic = parseSemantic(options);
  if (!semantic.ok) return semantic;
  const items = evaluations.map((item: unknown, i) =>
    isObject(item)
      ? withPath(parseRequest({ ...members(defaults), ...members(item) }), i)
      : wrong(`evaluations.${i}`, 'must be an object'),
  );
  return { ok: true, value: { semantic: semantic.value, items } };
}

/** What an item may replace, each as a whole. */
const members = ({ subject, action, resource, context }: Json): Json => ({
  ...(subject !== undefined && { subject }),
  ...(action !== undefined && { action }),
  ...(resource !== undefined && { resource }),
  ...(context !== undefined && { context }),
});

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
