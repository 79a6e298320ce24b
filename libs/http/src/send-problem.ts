import type { FastifyReply } from 'fastify';
import type { AppState } from './app-state.js';
import { toProblem } from './error-mapping.js';
import { type ProblemError, problemDocument, problemHeaders } from './problem.js';
import type { HttpRequest } from './request.js';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
export const JSON_CONTENT_TYPE = 'application/json; charset=utf-8';

/**
 * Answers a request with the problem document of whatever was thrown, and logs what the document does not say. Every
 * error of the application, of Nest and of Fastify ends here.
 */
export function sendProblem(state: AppState, request: HttpRequest, reply: FastifyReply, error: unknown): void {
  const problem = toProblem(error, state.mapError);
  // The router and Nest refuse some addresses before the first hook ran.
  request.trace ??= state.arrive(request, reply);
  logProblem(state, request, problem);
  if (reply.sent || reply.raw.headersSent) {
    // A stream that has begun cannot become a problem document: cutting it is the only honest end. A handler that
    // fails after its time was up finds the answer complete.
    if (!reply.raw.writableEnded) reply.raw.destroy();
    return;
  }
  const { status, body, type } = answerOf(problem, request);
  reply.code(status).headers(problemHeaders(problem, status)).header('content-type', type);
  reply.serializer((payload: string) => payload).send(JSON.stringify(body));
}

/** The problem document, or what the protocol of the route says instead. */
function answerOf(problem: ProblemError, { route, trace }: HttpRequest) {
  const form = route?.spec?.errorForm;
  if (form) return { ...form.answerOf(problem), type: JSON_CONTENT_TYPE };
  return { status: problem.status, body: problemDocument(problem, trace?.traceId), type: PROBLEM_CONTENT_TYPE };
}

/**
 * Refusals are at debug: their callers know what they did, and the access log has a line. What the service could not do
 * is at warn, what it did wrong at error, both within a rate.
 */
export function logProblem(state: AppState, request: HttpRequest, problem: ProblemError): void {
  const { code, detail, status } = problem;
  const level = status < 500 ? 'debug' : status === 503 ? 'warn' : 'error';
  if (!state.logger.isLevelEnabled(level)) return;
  if (level !== 'debug' && !state.problemLines.allows()) return;
  const err = status === 500 ? (problem.cause ?? problem) : problem.cause;
  const droppedLines = state.problemLines.takeDropped() || undefined;
  state.logger[level]({ code, detail, traceId: request.trace?.traceId, err, droppedLines }, 'problem');
}
