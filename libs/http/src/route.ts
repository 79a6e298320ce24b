import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import type { Access } from './access.js';
import type { ProblemError } from './problem.js';
import type { HttpRequest } from './request.js';

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How a route answers problems that speaks the protocol of another system: in that system's words and statuses. */
export interface ErrorForm {
  /** Shape of the body, for the API document. */
  readonly schema: z.ZodType;
  readonly answerOf: (problem: ProblemError) => { readonly status: number; readonly body: object };
}

/** Everything that is true of a route, in one place: routing, access, validation, limits and documents read it. */
export interface RouteSpec {
  readonly method: RouteMethod;
  /** The whole public path with `:params`, when the controller has none of its own. */
  readonly path: string;
  readonly access: Access;
  /** One sentence for the API document. */
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Shape of a body that the handler parses itself: only for the API document. */
  readonly documentedBody?: z.ZodType;
  /** An object schema; parameters outside of it are refused. */
  readonly query?: z.ZodObject;
  readonly params?: z.ZodObject;
  /** Request headers worth documenting; they are not validated. */
  readonly headers?: z.ZodObject;
  /** What a success answers: for the API document. Responses are not validated. */
  readonly response?: z.ZodType;
  /** Status of a success, 200 unless given. */
  readonly status?: number;
  /** Codes this route answers beside the general ones. */
  readonly problems?: readonly string[];
  /** Overrides the application's body limit. */
  readonly bodyLimitBytes?: number;
  /** Overrides the application's time limit; 0 for a route that streams. */
  readonly timeoutMs?: number;
  /**
   * Handed on to another service as it came: query and body are that service's to validate, and so is the caller. Such a
   * route is `public` here, and its description is the other service's.
   */
  readonly forwarded?: boolean;
  /** Form bodies are left on the request for the handler to read; other routes refuse them. */
  readonly rawBody?: boolean;
  /** Problem documents (RFC 9457) unless given. */
  readonly errorForm?: ErrorForm;
  /** Injection token of the `Authenticate` that finds this route's callers; `AUTHENTICATE` unless given. */
  readonly authenticator?: symbol;
}

/** Key of the specification in a Fastify route's `config`. */
export const ROUTE_SPEC = 'gatehouseRoute';

/** Keeps the literal types of a specification, so that `InputOf<typeof spec>` knows its schemas. */
export function defineRoute<const T extends RouteSpec>(spec: T): T {
  return spec;
}

/**
 * Makes a controller method a route. A controller method that is mapped by Nest's own decorators instead is refused
 * with `route_not_listed`: whoever may call a route is always written beside it.
 *
 * @example
 * const listKeys = defineRoute({
 *   method: 'GET', path: '/api/v1/identity/keys', summary: 'Lists keys',
 *   access: { kind: 'action', action: 'key.list', resource: 'tenant/keys' },
 *   query: z.object({ limit: z.coerce.number().int().max(100).default(20) }),
 * });
 * class KeysController {
 *   @Route(listKeys) list(@Input() { query }: InputOf<typeof listKeys>, @Caller() caller: Principal) {}
 * }
 */
export function Route(spec: RouteSpec): MethodDecorator {
  return applyDecorators(
    RequestMapping({ method: RequestMethod[spec.method], path: spec.path }),
    HttpCode(spec.status ?? 200),
    RouteConfig({ [ROUTE_SPEC]: spec }),
  );
}

function requestOf(context: ExecutionContext): HttpRequest {
  return context.switchToHttp().getRequest<HttpRequest>();
}

/** The validated `{ body, query, params }`, typed by {@link InputOf}. */
export const Input = createParamDecorator((_data: unknown, context: ExecutionContext) => requestOf(context).input);

/** The authenticated principal. Null on public routes. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext) => requestOf(context).principal);

/** The id of the recorded decision that let the request in; null when the route asked for none. */
export const DecisionId = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => requestOf(context).decisionId,
);
