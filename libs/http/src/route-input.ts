import { safeParse } from '@gatehouse/schema';
import { maskSecrets } from '@gatehouse/telemetry';
import { z } from 'zod';
import { type FieldError, ProblemError } from './problem.js';
import type { HttpRequest } from './request.js';
import type { RouteSpec } from './route.js';

/** What `@Input()` gives before it is narrowed by {@link InputOf}. */
export interface ValidInput {
  readonly body: unknown;
  readonly query: unknown;
  readonly params: unknown;
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;

/**
 * The type of a route's input, from its schemas.
 *
 * @example
 * const createKey = defineRoute({ …, body: z.object({ name: z.string() }) });
 * create(@Input() { body }: InputOf<typeof createKey>) { body.name }
 */
export interface InputOf<T extends Pick<RouteSpec, 'body' | 'query' | 'params'>> {
  readonly body: Output<T['body']>;
  readonly query: Output<T['query']>;
  readonly params: Output<T['params']>;
}

/** Bounds of what a refusal repeats to its caller. */
const MAX_FIELD_ERRORS = 50;
const MAX_PATH_LENGTH = 128;

const UNKNOWN = 'is not known here';
/** What no database keeps and no name has. In a body, a schema says what a text may be; bytes in it may be anything. */
const NUL = 'must not hold NUL';

type Part = 'body' | 'query' | 'params';

/** Validates a request; throws `validation_failed` with every wrong field of all three parts. */
export type ValidateInput = (request: HttpRequest) => ValidInput;

/**
 * Prepares the validation of a route once, at start. Unknown query parameters are refused, also where a route declares
 * none: a misspelt filter must not widen a result. Unknown body fields follow the body's own schema.
 */
export function compileInput(spec: Pick<RouteSpec, Part>): ValidateInput {
  const querySchema = spec.query instanceof z.ZodObject ? spec.query.strict() : spec.query;
  return (request) => {
    const errors: FieldError[] = [];
    const query = querySchema
      ? parseAddress('query', querySchema, request.query, errors)
      : refuseQuery(request.query, errors);
    const params = spec.params ? parseAddress('params', spec.params, request.params, errors) : undefined;
    const body = spec.body ? parse('body', spec.body, request.body, errors) : undefined;
    if (errors.length > 0) throw new ProblemError('validation_failed', undefined, { errors });
    return { body, query, params };
  };
}

/** Of an address: the texts are names of things to find. */
function parseAddress(part: 'query' | 'params', schema: z.ZodType, value: unknown, errors: FieldError[]): unknown {
  const before = errors.length;
  for (const [name, text] of Object.entries(value as object))
    if (String(text).includes('\0')) addError(errors, `${part}.${name}`, NUL);
  return errors.length > before ? undefined : parse(part, schema, value, errors);
}

function refuseQuery(query: unknown, errors: FieldError[]): undefined {
  for (const name in query as object) addError(errors, `query.${name}`, UNKNOWN);
  return undefined;
}

function parse(part: Part, schema: z.ZodType, value: unknown, errors: FieldError[]): unknown {
  const result = safeParse(schema, value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const path = [part, ...issue.path].map(String).join('.');
    if (issue.code !== 'unrecognized_keys') addError(errors, path, issue.message);
    else for (const name of issue.keys) addError(errors, `${path}.${name}`, UNKNOWN);
  }
  return undefined;
}

function addError(errors: FieldError[], path: string, message: string): void {
  // The names of unknown fields are the caller's own words, and callers put keys into the strangest places.
  if (errors.length < MAX_FIELD_ERRORS) errors.push({ path: maskSecrets(path).slice(0, MAX_PATH_LENGTH), message });
}
