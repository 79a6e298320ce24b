import { type Access, type HttpRequest, type InputOf, ProblemError, type RouteMethod } from '@gatehouse/http';
import type { z } from 'zod';
import type { Asker } from '../asker.js';
import type { BareAnswer, DialectAnswer } from './answer.js';

/** What is true of an address of the dialect. Writes arrive by PUT from Go's client and by POST from everybody else. */
export interface DialectSpec {
  readonly methods: readonly RouteMethod[];
  /** Whole path, `/v1/...`. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly params?: z.ZodObject;
  readonly response?: z.ZodType;
  /** Codes this route answers beside the general ones. */
  readonly problems?: readonly string[];
  /** 512 KiB unless given. */
  readonly bodyLimitBytes?: number;
}

export type AnyAnswer = DialectAnswer | BareAnswer | undefined;

/** A route of the dialect: what is true of it, and what answers. */
export interface DialectRoute {
  readonly spec: DialectSpec;
  readonly access: Access;
  readonly handle: (request: HttpRequest) => Promise<AnyAnswer>;
}

/** A group of routes: a provider that an area lists in its `dialect`. */
export interface DialectRoutes {
  readonly routes: readonly DialectRoute[];
}

/** Injection token of all routes of the dialect. */
export const DIALECT_ROUTES = Symbol('DIALECT_ROUTES');

export const writeMethods: readonly RouteMethod[] = ['POST', 'PUT'];

/**
 * A route for callers who are known; what they may is for the handler to ask, which knows the resource.
 *
 * @example
 * const lookup = dialectRoute({ methods: ['GET'], path: '/v1/auth/token/lookup-self', summary: '...' },
 *   async (_input, { caller }) => ({ data: { id: caller.id } }));
 */
export const dialectRoute = <const S extends DialectSpec>(
  spec: S,
  handle: (input: InputOf<S>, asker: Asker) => Promise<AnyAnswer>,
): DialectRoute => ({
  spec,
  access: { kind: 'authenticated', anyScope: true },
  handle: (request) => {
    const caller = request.principal;
    if (caller === null) throw new ProblemError('unauthenticated');
    return handle(request.input as InputOf<S>, { caller, request });
  },
});

/** A route for everybody: the state of the vault, and logins. */
export const publicDialectRoute = <const S extends DialectSpec>(
  spec: S,
  handle: (input: InputOf<S>, request: HttpRequest) => Promise<AnyAnswer>,
): DialectRoute => ({
  spec,
  access: { kind: 'public' },
  handle: (request) => handle(request.input as InputOf<S>, request),
});
