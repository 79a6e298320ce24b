import type { FastifyInstance } from 'fastify';
import { stateOf } from './app-state.js';
import { toProblem } from './error-mapping.js';
import { type ProblemDocument, ProblemError, problemDocument } from './problem.js';
import type { HttpRequest } from './request.js';
import { logProblem } from './send-problem.js';

/** What became of one of the things that a request asks for. */
export type Part<T> = (T & { readonly ok: true }) | FailedPart;

export interface FailedPart {
  readonly ok: false;
  /** As it would be sent if it had been asked for alone. */
  readonly error: ProblemDocument;
}

/**
 * Waits for all that one request asks for, in its order: what failed is told beside the others, and logged like a problem
 * that is sent. Where nothing of it can be answered now (503 for each), the whole is the first of these problems, with its
 * `Retry-After`.
 *
 * @throws ProblemError of status 503
 * @example const results = await answerParts(server, request, paths.map((path) => secrets.read(asker, path)));
 */
export async function answerParts<T extends object>(
  instance: FastifyInstance,
  request: HttpRequest,
  work: readonly Promise<T>[],
): Promise<readonly Part<T>[]> {
  const state = stateOf(instance);
  const settled = await Promise.allSettled(work);
  const parts = settled.map((one) => (one.status === 'fulfilled' ? one.value : toProblem(one.reason, state.mapError)));
  const [first] = parts;
  if (first instanceof ProblemError && parts.every((part) => part instanceof ProblemError && part.status === 503))
    throw first;
  return parts.map((part) => {
    if (!(part instanceof ProblemError)) return { ...part, ok: true };
    logProblem(state, request, part);
    return failedPart(request, part);
  });
}

export const failedPart = ({ trace }: HttpRequest, problem: ProblemError): FailedPart => ({
  ok: false,
  error: problemDocument(problem, trace?.traceId),
});
