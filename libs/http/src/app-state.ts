import type { Logger, TraceContext } from '@gatehouse/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Authenticate, Authorize } from './access.js';
import type { MapError } from './error-mapping.js';
import type { InFlight } from './in-flight.js';
import type { LineRate } from './line-rate.js';
import type { HttpRequest } from './request.js';
import type { ServedRoute } from './route-table.js';

/** What the hooks of one application share. Made by `createApp`, which alone replaces its fields. */
export interface AppState {
  readonly service: string;
  readonly logger: Logger;
  readonly inFlight: InFlight;
  readonly problemLines: LineRate;
  readonly routes: ServedRoute[];
  readonly requestTimeoutMs: number;
  readonly mapError: MapError | undefined;
  /** What the module provides under `AUTHENTICATE`, or under the token that a route names. */
  authenticator: (token: symbol) => Authenticate | undefined;
  authorize: Authorize | undefined;
  /** Gives a request its trace, id, headers and place in the access log. Set by `installRequestHooks`. */
  arrive: (request: HttpRequest, reply: FastifyReply) => TraceContext;
  /** Set when the application begins to stop: new requests are refused, readiness answers no. */
  stopping: boolean;
}

const states = new WeakMap<object, AppState>();

export const keepState = (instance: FastifyInstance, state: AppState): void => void states.set(instance, state);

/** @throws Error for a server that `createApp` did not make */
export function stateOf(instance: FastifyInstance): AppState {
  const state = states.get(instance);
  if (state === undefined) throw new Error('the application was not made by createApp');
  return state;
}
