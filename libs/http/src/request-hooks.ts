import {
  type ActiveSpan,
  beginSpan,
  childTraceContext,
  holdsKey,
  isTracing,
  newTraceContext,
  parseTraceparent,
  runWithTrace,
  type TraceContext,
} from '@gatehouse/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AccessLog } from './access-log.js';
import type { AppState } from './app-state.js';
import { ProblemError } from './problem.js';
import type { HttpRequest } from './request.js';

/** What a caller may choose as request id: enough for UUIDs, ULIDs and trace ids, nothing that needs escaping in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** These carry no body, so nothing runs between the first hook and the handler but hooks. */
const BODYLESS = new Set(['GET', 'HEAD', 'OPTIONS']);

export interface RequestHookOptions {
  readonly staticHeaders: Readonly<Record<string, string>>;
  readonly asyncTrace: boolean;
}

/**
 * Installs what happens to every request, known route or not: trace, request id, security headers, in-flight count,
 * access log, and a refusal of addresses that hold a key. Must be installed before any route.
 */
export function installRequestHooks(
  instance: FastifyInstance,
  state: AppState,
  accessLog: AccessLog,
  { staticHeaders, asyncTrace }: RequestHookOptions,
): void {
  instance.decorateRequest('trace', null);
  instance.decorateRequest('route', null);
  instance.decorateRequest('principal', null);
  instance.decorateRequest('decisionId', null);
  instance.decorateRequest('input', null);
  instance.decorateRequest('arrivedAtMs', 0);
  instance.decorateRequest('flight', null);

  state.arrive = (request, reply) => {
    request.arrivedAtMs = performance.now();
    // A request that the router itself refused was made without the decorations above.
    request.route ??= null;
    request.principal ??= null;
    const span = isTracing() ? beginServerSpan(request) : undefined;
    const trace = span?.context ?? incomingTrace(request);
    request.trace = trace;
    request.id = requestId(request, trace);
    reply.headers(staticHeaders);
    reply.header('x-request-id', request.id);
    if (state.stopping) reply.header('connection', 'close');
    reply.raw.on('close', () => {
      state.inFlight.delete(request);
      accessLog.record(request, reply);
      span?.end({ 'http.response.status_code': reply.statusCode }, failureOf(reply));
    });
    return trace;
  };

  instance.addHook('onRequest', (request, reply, done) => {
    const trace = state.arrive(request, reply);
    if (holdsKey(request.url)) done(new ProblemError('key_in_address'));
    else if (asyncTrace && BODYLESS.has(request.method)) runWithTrace(trace, done);
    else done();
  });
  if (!asyncTrace) return;

  // A body is read in the socket's own asynchronous context, so the trace is entered again behind it.
  instance.addHook('preHandler', (request, _reply, done) => {
    if (request.trace === null || BODYLESS.has(request.method)) done();
    else runWithTrace(request.trace, done);
  });
}

function incomingTrace(request: HttpRequest): TraceContext {
  const parent = parseTraceparent(request.headers.traceparent as string | undefined);
  return parent === undefined ? newTraceContext() : childTraceContext(parent);
}

function beginServerSpan(request: HttpRequest): ActiveSpan | undefined {
  const parent = parseTraceparent(request.headers.traceparent as string | undefined) ?? newTraceContext();
  if (!parent.sampled) return undefined;
  const route = request.routeOptions.url ?? '(unknown)';
  const attributes = { 'http.request.method': request.method, 'http.route': route };
  return beginSpan(`${request.method} ${route}`, attributes, { kind: 'server', parent });
}

function failureOf(reply: FastifyReply): Error | undefined {
  return reply.statusCode >= 500 ? new Error(`status ${reply.statusCode}`) : undefined;
}

/** Without one from the caller, the trace id serves: one id to quote in a support request. */
function requestId(request: HttpRequest, trace: TraceContext): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : trace.traceId;
}
