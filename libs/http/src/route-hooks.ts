import { types } from 'node:util';
import type { FastifyInstance, FastifyReply, RouteOptions } from 'fastify';
import {
  type Access,
  type AccessDecision,
  AUTHENTICATE,
  type Authenticate,
  type Authorize,
  type Principal,
} from './access.js';
import type { AppState } from './app-state.js';
import { ProblemError, unavailable } from './problem.js';
import type { HttpRequest } from './request.js';
import { ROUTE_SPEC, type RouteSpec } from './route.js';
import { compileInput, type ValidateInput } from './route-input.js';
import type { ServedRoute } from './route-table.js';

type Done = (error?: Error) => void;
type Hook = (request: HttpRequest, reply: FastifyReply, done: Done) => void;

/**
 * Gives every route its own hooks when it is registered, so that a request pays only for what its route asks: admission
 * and authentication before the body is read, validation and authorization before the handler. They sit in Fastify and
 * not in Nest guards, because this way nothing that the server serves can be without them.
 *
 * @throws Error at start, for a route that needs credentials in an application that cannot check any, or that is handed
 *   on although it needs some
 */
export function installRouteHooks(instance: FastifyInstance, state: AppState): void {
  instance.addHook('onRoute', (options) => {
    const spec = (options.config as { [ROUTE_SPEC]?: RouteSpec } | undefined)?.[ROUTE_SPEC];
    const method = String(options.method);
    const route: ServedRoute = {
      method,
      path: options.url,
      access: spec?.access,
      summary: spec?.summary ?? '',
      spec,
      series: undefined,
    };
    state.routes.push(route);
    if (spec?.bodyLimitBytes !== undefined) options.bodyLimit = spec.bodyLimitBytes;
    prepend(options, 'onRequest', admission(state, route));
    if (spec?.forwarded && spec.access.kind !== 'public') throw new Error(`${method} ${options.url} is not public`);
    if (spec === undefined || spec.forwarded) return;
    prepend(options, 'preHandler', entry(state, spec));
  });
}

function prepend(options: RouteOptions, name: 'onRequest' | 'preHandler', hook: Hook): void {
  const existing = options[name] ?? [];
  options[name] = [hook as never, ...(Array.isArray(existing) ? existing : [existing])];
}

/** Before the body: is there room, is the route open to anybody, who calls? */
function admission(state: AppState, route: ServedRoute): Hook {
  const authenticate = authenticatorOf(state, route);
  const timeoutMs = route.spec?.timeoutMs ?? state.requestTimeoutMs;
  // Health must answer while everything else is refused.
  const isBounded = route.access?.kind !== 'internal';
  return (request, reply, done) => {
    request.route = route;
    if (isBounded && state.stopping) return done(unavailable('The service is stopping'));
    if (isBounded && state.inFlight.isFull()) return done(unavailable('The service is busy'));
    state.inFlight.add(request, reply, timeoutMs);
    if (route.access === undefined) return done(new ProblemError('route_not_listed'));
    if (authenticate === undefined) return done();
    settle(
      () => authenticate(request),
      (principal) => admit(request, principal),
      done,
    );
  };
}

function admit(request: HttpRequest, principal: Principal | undefined): Error | undefined {
  if (typeof principal?.id !== 'string' || typeof principal.tenantId !== 'string') {
    return new ProblemError('unauthenticated');
  }
  request.principal = principal;
  return undefined;
}

/**
 * Runs `work`, hands its value to `conclude`, and calls `done` once: with the error of either, or with nothing. Work
 * that answers at once goes on at once. Whatever is thrown is an error here, also `undefined`: to `done` that would
 * mean "let it in".
 */
function settle<T>(work: () => T | Promise<T>, conclude: (value: T) => Error | undefined, done: Done): void {
  let refusal: Error | undefined;
  try {
    const value = work();
    if (isThenable(value)) {
      Promise.resolve(value)
        .then(conclude)
        .then(done, (error: unknown) => done(asError(error)));
      return;
    }
    refusal = conclude(value);
  } catch (error) {
    refusal = asError(error);
  }
  done(refusal);
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function';
}

function asError(error: unknown): Error {
  return types.isNativeError(error) || error instanceof Error ? error : new Error('thrown without an error');
}

function authenticatorOf(state: AppState, { access, method, path, spec }: ServedRoute): Authenticate | undefined {
  if (access === undefined || access.kind === 'public' || access.kind === 'internal') return undefined;
  const token = spec?.authenticator ?? AUTHENTICATE;
  const authenticate = state.authenticator(token);
  if (authenticate) return authenticate;
  const name = token === AUTHENTICATE ? 'AUTHENTICATE' : String(token.description);
  throw new Error(`${method} ${path} needs ${name}, which is not provided`);
}

/** Behind the body: is the input valid, may the caller do this? */
function entry(state: AppState, spec: RouteSpec): Hook {
  const validate = compileInput(spec);
  if (spec.access.kind !== 'action') return (request, _reply, done) => done(takeInput(validate, request));
  const { access } = spec;
  const { authorize } = state;
  if (authorize === undefined) throw new Error(`${spec.method} ${spec.path} needs AUTHORIZE, which is not provided`);
  return (request, _reply, done) => {
    const invalid = takeInput(validate, request);
    if (invalid !== undefined) return done(invalid);
    settle(
      () => ask(authorize, access, request),
      (decision) => conclude(request, decision),
      done,
    );
  };
}

function takeInput(validate: ValidateInput, request: HttpRequest): Error | undefined {
  try {
    request.input = validate(request);
    return undefined;
  } catch (error) {
    return asError(error);
  }
}

function ask(authorize: Authorize, access: Access & { kind: 'action' }, request: HttpRequest) {
  const { action, resource } = access;
  if (request.principal === null) throw new ProblemError('unauthenticated');
  const name = typeof resource === 'string' ? resource : resource(request);
  return authorize(request.principal, action, name, request);
}

/** Only a plain `allowed: true` lets a request in: anything else, also a malformed answer, is a refusal. */
function conclude(request: HttpRequest, decision: AccessDecision | undefined): Error | undefined {
  request.decisionId = decision?.decisionId ?? null;
  if (decision?.allowed === true) return undefined;
  const reason = decision?.reason ?? 'no reason';
  const cause = new Error(`refused by decision ${decision?.decisionId ?? '(unrecorded)'}: ${reason}`);
  return new ProblemError('forbidden', undefined, { cause });
}
