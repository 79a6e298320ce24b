/** One line of the problem table: what a code means over HTTP. The title is the dull public text. */
export interface ProblemDefinition {
  readonly status: number;
  readonly title: string;
  /** The word that documents of other systems promise for it: told as the member `error`. */
  readonly word?: string;
}

const BASE_PROBLEMS = {
  validation_failed: { status: 400, title: 'The request does not match the schema' },
  malformed_request: { status: 400, title: 'The request is not well-formed HTTP' },
  key_in_address: { status: 400, title: 'A key stands in the address, where logs keep it: replace the key' },
  malformed_body: { status: 400, title: 'The body cannot be parsed' },
  // 400 and not 415: AuthZEN 1.0 asks for 400 on a wrong content type, and one answer everywhere is simpler.
  unsupported_media_type: { status: 400, title: 'The content type is not supported' },
  unauthenticated: { status: 401, title: 'Valid credentials are required' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  route_not_listed: { status: 403, title: 'This route is not open to anybody' },
  not_found: { status: 404, title: 'There is no such resource' },
  request_timeout: { status: 408, title: 'The request did not arrive in time' },
  conflict: { status: 409, title: 'The request conflicts with the current state' },
  stale_revision: { status: 412, title: 'The resource has changed since it was read' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The address is too long' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'The request failed' },
  unavailable: { status: 503, title: 'The service cannot answer now' },
  timeout: { status: 503, title: 'The request took too long' },
} as const satisfies Record<string, ProblemDefinition>;

/** Codes every service has. */
export type BaseProblemCode = keyof typeof BASE_PROBLEMS;

/** The one table from code to status and title. Owner: this file; services add to it while their modules load. */
const problems = new Map<string, ProblemDefinition>(Object.entries(BASE_PROBLEMS));

/**
 * Adds a service's own codes to the table.
 *
 * @throws Error for a code that is not snake case, a status that is no error or is 422, or a code with another meaning
 * @example defineProblems({ key_name_taken: { status: 409, title: 'A key of this name exists' } })
 */
export function defineProblems(definitions: Readonly<Record<string, ProblemDefinition>>): void {
  for (const [code, definition] of Object.entries(definitions)) {
    const { status, title } = definition;
    if (!/^[a-z][a-z0-9_]{2,63}$/.test(code)) throw new Error(`problem code "${code}" is not snake case`);
    if (status < 400 || status > 599 || status === 422) throw new Error(`problem "${code}" has status ${status}`);
    const known = problems.get(code);
    if (known !== undefined && (known.status !== status || known.title !== title)) {
      throw new Error(`problem "${code}" already means something else`);
    }
    problems.set(code, definition);
  }
}

/** The whole table, for documents and the OpenAPI description. */
export function allProblems(): ReadonlyMap<string, ProblemDefinition> {
  return problems;
}

/** One field that is wrong: where it is (`body.subject.id`, `query.limit`) and why, without its value. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** Seconds, sent as `Retry-After`. Every 429 and 503 carries one; 1 unless given. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members of the document (RFC 9457, 3.2): what the caller needs to go on. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** What really happened: for the log only. */
  readonly cause?: unknown;
}

/**
 * An answer that is a problem document (RFC 9457). Throw it from a controller, a guard function or a hook.
 *
 * @param code a code of the table; callers switch on it
 * @param detail public text for this occurrence; it holds no secret and no internals. What is for the log goes to `cause`
 * @throws Error when the code is not in the table
 * @example throw new ProblemError('conflict', 'The key is already disabled')
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  readonly title: string;

  constructor(
    readonly code: BaseProblemCode | (string & {}),
    readonly detail?: string,
    readonly options: ProblemOptions = {},
  ) {
    const definition = problems.get(code);
    if (definition === undefined) throw new Error(`problem code "${code}" is not defined`);
    super(detail ?? definition.title, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = definition.status;
    this.title = definition.title;
  }
}

/**
 * The 503 for what cannot be done now and may be tried again: nothing was decided, nothing was lost.
 *
 * @param reason public and dull: 'The event store cannot be reached'
 * @example throw unavailable('The event store cannot be reached', 2)
 */
export function unavailable(reason: string, retryAfterSeconds = 1, cause?: unknown): ProblemError {
  return new ProblemError('unavailable', reason, { retryAfterSeconds, cause });
}

/** The body of a problem answer: RFC 9457 with `code`, `errors` and `traceId` as extension members. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly error?: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly traceId?: string;
}

export function problemDocument(problem: ProblemError, traceId?: string): ProblemDocument {
  const { code, status, title, detail } = problem;
  const { errors, members } = problem.options;
  const word = problems.get(code)?.word;
  return {
    // First, so that none of them stands in the place of a member that callers switch on.
    ...members,
    type: `urn:gatehouse:problem:${code}`,
    title,
    status,
    code,
    ...(word === undefined ? {} : { error: word }),
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/**
 * Headers a problem answer carries beside its own: RFC 9110 15.5.2 (challenge) and 10.2.3 (Retry-After).
 *
 * @param status the status it is answered with, where that is another than the table's
 */
export function problemHeaders(problem: ProblemError, status = problem.status): Record<string, string> {
  const { retryAfterSeconds, headers } = problem.options;
  const needsRetryAfter = status === 429 || status === 503;
  const seconds = retryAfterSeconds ?? (needsRetryAfter ? 1 : undefined);
  return {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(seconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }),
    ...headers,
  };
}
