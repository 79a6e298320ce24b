import { type ExitCode, exitCodes, Failure } from '../failure.js';

/** RFC 9457, with the members our services add. */
export interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly traceId?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** An answer that is a problem, as the failure of the command. `code` is what callers switch on. */
export class RefusedError extends Failure {
  constructor(
    readonly status: number,
    readonly code: string | undefined,
    message: string,
    next: string | undefined,
    /** What else the answer says: a challenge to go on with. */
    readonly members: Readonly<Record<string, unknown>> = {},
  ) {
    super(exitCodeOf(status), message, next);
  }
}

/** A conflict and a missing thing are answers; a wrong request is a wrong call. */
export function exitCodeOf(status: number): ExitCode {
  if (status === 401) return exitCodes.unauthenticated;
  if (status === 403) return exitCodes.forbidden;
  if (status === 404 || status === 409 || status === 412) return exitCodes.negative;
  return status === 408 || status === 429 || status >= 500 ? exitCodes.unavailable : exitCodes.usage;
}

export const refusedError = (answer: Answer): RefusedError => refusal(answer.status, problemOf(answer));

/** One line: title, detail, fields, code, trace. */
export function refusal(status: number, problem: Problem): RefusedError {
  const { title = `The server answered ${status}`, detail, errors = [], code, traceId } = problem;
  const fields = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  const reference = [code, traceId && `trace ${traceId}`].filter(Boolean).join(', ');
  const words = [title, detail, fields].filter((part) => part && part.length > 0).join(': ');
  return new RefusedError(status, code, reference ? `${words} (${reference})` : words, nextStep(status), {
    ...problem,
  });
}

function problemOf({ contentType, body }: Answer): Problem {
  if (!contentType.includes('json')) return {};
  try {
    return JSON.parse(body.toString('utf8')) as Problem;
  } catch {
    return {};
  }
}

function nextStep(status: number): string | undefined {
  if (status === 401)
    return 'Sign in with gatehouse login --email, or give a valid key: gatehouse login --api-key-stdin, or GATEHOUSE_API_KEY';
  if (status === 403)
    return 'Ask an owner for the role that allows it; gatehouse whoami shows whom this key speaks for';
  if (status === 404) return 'Check the name or id, and with gatehouse whoami the tenant';
  if (status === 429 || status >= 500) return 'Try again in a moment';
  return undefined;
}
