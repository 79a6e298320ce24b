/** A member of a request that the service did not take. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** What Gatehouse answered instead of what was asked for, or that it did not. Holds no credential and no secret. */
export class GatehouseError extends Error {
  override readonly name = 'GatehouseError';

  constructor(
    message: string,
    /** To switch on: the problem's code, or `unreachable`, `timed_out`, `unexpected_answer`. */
    readonly code: string,
    /** Of HTTP; 0 when there was no answer. */
    readonly status: number,
    readonly traceId?: string,
    readonly fields: readonly FieldProblem[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The failure that a problem document (RFC 9457) or any other answer stands for. */
export const errorOf = (status: number, contentType: string, text: string): GatehouseError =>
  refusal(status, contentType.includes('json') ? problemIn(text) : {});

export function refusal(status: number, problem: Problem): GatehouseError {
  const { title = `Gatehouse answered ${status}`, detail, code = 'unexpected_answer', traceId, errors = [] } = problem;
  const fields = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new GatehouseError([title, detail, fields].filter(Boolean).join(': '), code, status, traceId, errors);
}

export interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly traceId?: string;
  readonly errors?: readonly FieldProblem[];
}

function problemIn(text: string): Problem {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Problem) : {};
  } catch {
    return {};
  }
}
