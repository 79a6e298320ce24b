import type { ServerOptions as HttpsOptions } from 'node:https';
import { gauge, type Logger, newTraceContext } from '@gatehouse/telemetry';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { AUTHORIZE } from './access.js';
import { AccessLog } from './access-log.js';
import { AppAdapter } from './app-adapter.js';
import { type AppState, keepState, stateOf } from './app-state.js';
import { answerClientError, type ClientError } from './client-error.js';
import type { MapError } from './error-mapping.js';
import { Readiness, serveHealth } from './health.js';
import { InFlight } from './in-flight.js';
import { parseJsonBodies } from './json-body.js';
import { LineRate } from './line-rate.js';
import { nestLogger } from './nest-logger.js';
import { openApiDocument } from './openapi.js';
import { ProblemError } from './problem.js';
import { ProblemFilter } from './problem-filter.js';
import { type ReadVerb, readVerbs } from './read-verbs.js';
import type { HttpRequest } from './request.js';
import { installRequestHooks } from './request-hooks.js';
import { defineRoute, ROUTE_SPEC, type RouteSpec } from './route.js';
import { installRouteHooks } from './route-hooks.js';
import type { ListedRoute } from './route-table.js';
import { SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY } from './security-headers.js';
import { sendProblem } from './send-problem.js';

export interface AppOptions {
  /** Name of the service: in logs, metrics and the API document. */
  readonly service: string;
  readonly logger: Logger;
  /** Version in the API document. */
  readonly version?: string;
  /** Checks behind `/readyz`; more may be added while the service runs. */
  readonly readiness?: Readiness;
  /** Turns errors of the service's domain into problems of the table. */
  readonly mapError?: MapError;
  /** Largest body, 256 KiB unless given. A route may have its own. */
  readonly bodyLimitBytes?: number;
  /** Time a handler has, 10 s unless given; then the caller gets 503. Also the time a request has to arrive. */
  readonly requestTimeoutMs?: number;
  /** Requests worked on at once, 4096 unless given; more are answered 503 at once. */
  readonly maxInFlight?: number;
  /** Open connections, 16384 unless given; more are closed by Node. */
  readonly maxConnections?: number;
  /** All header lines together, 16 KiB unless given. */
  readonly maxHeaderBytes?: number;
  /** Time requests in flight have when the service stops, 10 s unless given. */
  readonly drainTimeoutMs?: number;
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-*` is believed; none unless given. */
  readonly trustedProxies?: readonly string[];
  /**
   * Whether `currentTrace()` works in handlers, as it does unless this is false. It costs about a fifth of a small
   * request on Node 20, where every promise of the process then pays for it; `request.trace` costs nothing and always
   * is there.
   */
  readonly asyncTrace?: boolean;
  /** Send `Strict-Transport-Security`. */
  readonly strictTransportSecurity?: boolean;
  /** Methods of another system that are understood as GET. */
  readonly readVerbs?: readonly ReadVerb[];
  /** Serve HTTPS with these settings of `node:tls`; plain HTTP unless given. */
  readonly tls?: HttpsOptions;
}

/** Longer than load balancers keep theirs, so that it is never the server that closes under a request. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const MAX_PARAM_LENGTH = 512;

/**
 * Makes the HTTP application of a service: Nest on Fastify, with problem documents, access rules, validation, limits,
 * health, metrics and the API document in place. The caller listens, and closes it: `app.close()` refuses new requests,
 * waits for those in flight, then destroys the modules.
 *
 * A module provides `AUTHENTICATE` and `AUTHORIZE` when a route of it needs a caller; otherwise `init` or `listen` throws.
 *
 * @example
 * const app = await createApp(AppModule, { service: 'audit', logger });
 * await app.listen(8080, '0.0.0.0');
 */
export async function createApp(
  module: Type<unknown> | DynamicModule,
  options: AppOptions,
): Promise<NestFastifyApplication> {
  const state = makeState(options);
  const adapter = makeAdapter(options, state);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLogger(options.logger),
    // Fastify's own JSON parser and limit stay; Nest would add one for form bodies that nothing here reads.
    bodyParser: false,
    abortOnError: false,
  });
  const instance = adapter.getInstance<FastifyInstance>();
  keepState(instance, state);
  state.authenticator = (token) => optional(app, token);
  state.authorize = optional(app, AUTHORIZE);
  app.useGlobalFilters(new ProblemFilter(state));
  serveOwnRoutes(instance, state, options);
  limitConnections(instance, options, state);
  adapter.duties = {
    sendProblem: (request, reply, error) => sendProblem(state, request, reply, error),
    drain: () => drain(instance, state, options.drainTimeoutMs ?? 10_000),
  };
  return app;
}

/**
 * Every route the application serves, with who may call it: for documents, and for the test that none is unlisted.
 * Complete once the application is initialized. Automatic HEAD routes are left out.
 *
 * @example listRoutes(app).filter((route) => route.access === undefined) // []
 */
export function listRoutes(app: NestFastifyApplication): ListedRoute[] {
  return stateOf(app.getHttpAdapter().getInstance())
    .routes.filter(({ method }) => method !== 'HEAD')
    .map(({ method, path, access, summary }) => ({ method, path, access, summary }));
}

function makeState(options: AppOptions): AppState {
  const state: AppState = {
    service: options.service,
    logger: options.logger,
    inFlight: new InFlight(options.maxInFlight ?? 4096, (request, reply) => {
      sendProblem(state, request, reply, new ProblemError('timeout'));
    }),
    problemLines: new LineRate(),
    routes: [],
    requestTimeoutMs: options.requestTimeoutMs ?? 10_000,
    mapError: options.mapError,
    authenticator: () => undefined,
    authorize: undefined,
    arrive: () => newTraceContext(),
    stopping: false,
  };
  return state;
}

function makeAdapter(options: AppOptions, state: AppState): AppAdapter {
  const takeVerb = readVerbs(options.readVerbs ?? []);
  const trusted = options.trustedProxies ?? [];
  const requestTimeoutMs = state.requestTimeoutMs;
  const limits = {
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, requestTimeoutMs),
  };
  const adapter = new AppAdapter({
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 256 * 1024,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // While stopping, the hooks answer with a problem document; Fastify's own 503 is another shape.
    return503OnClosing: false,
    trustProxy: trusted.length === 0 ? false : [...trusted],
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    ...(options.tls === undefined ? { http: limits } : { https: { ...limits, ...options.tls } }),
    frameworkErrors: (error: Error, request: HttpRequest, reply: FastifyReply) =>
      sendProblem(state, request, reply, error),
    // Fastify declares the packet as it would be written as JSON; it is Node's own error.
    clientErrorHandler: (declared, socket) => {
      const error: unknown = declared;
      if (!takeVerb(instance.server, error as ClientError, socket)) answerClientError(error as ClientError, socket);
    },
  });
  const instance = adapter.getInstance<FastifyInstance>();
  // Only JSON: a text body would reach a handler unparsed.
  instance.removeContentTypeParser('text/plain');
  parseJsonBodies(instance);
  leaveForms(instance);
  const headers = options.strictTransportSecurity
    ? { ...SECURITY_HEADERS, 'strict-transport-security': STRICT_TRANSPORT_SECURITY }
    : SECURITY_HEADERS;
  const asyncTrace = options.asyncTrace ?? true;
  installRequestHooks(instance, state, new AccessLog(options.logger), { staticHeaders: headers, asyncTrace });
  installRouteHooks(instance, state);
  return adapter;
}

/** Forms are for routes that are handed to a library which reads them itself, and bounds them itself. */
function leaveForms(instance: FastifyInstance): void {
  instance.addContentTypeParser('application/x-www-form-urlencoded', (request, payload, done) => {
    const spec = (request.routeOptions.config as { [ROUTE_SPEC]?: RouteSpec })[ROUTE_SPEC];
    if (spec?.rawBody) done(null, payload);
    else done(new ProblemError('unsupported_media_type'));
  });
}

function serveOwnRoutes(instance: FastifyInstance, state: AppState, options: AppOptions): void {
  serveHealth(instance, state, options.readiness ?? new Readiness());
  const spec = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    access: { kind: 'public' },
    summary: 'This description, as OpenAPI 3.1',
  });
  let text: string | undefined;
  instance.route({
    method: spec.method,
    url: spec.path,
    config: { [ROUTE_SPEC]: spec },
    handler: async (_request, reply) => {
      text ??= JSON.stringify(openApiDocument(options.service, options.version ?? '0.0.0', state.routes));
      return reply.header('content-type', 'application/json').send(text);
    },
  });
}

function limitConnections(instance: FastifyInstance, options: AppOptions, state: AppState): void {
  instance.server.maxConnections = options.maxConnections ?? 16_384;
  const remove = gauge('http_server_in_flight', 'Requests being worked on', () => state.inFlight.count);
  instance.addHook('onClose', async () => {
    remove();
    state.inFlight.stop();
  });
}

/** Stops listening, waits for what is in flight, then cuts what remains, idle keep-alive connections included. */
async function drain(instance: FastifyInstance, state: AppState, timeoutMs: number): Promise<void> {
  state.stopping = true;
  instance.server.close();
  instance.server.closeIdleConnections();
  const drained = await state.inFlight.drained(timeoutMs);
  if (!drained) state.logger.warn({ inFlight: state.inFlight.count }, 'requests were cut while stopping');
  instance.server.closeAllConnections();
}

function optional<T>(app: NestFastifyApplication, token: symbol): T | undefined {
  try {
    return app.get<T>(token, { strict: false });
  } catch {
    return undefined;
  }
}
