import type { TraceContext } from '@gatehouse/telemetry';
import type { FastifyRequest } from 'fastify';
import type { Principal } from './access.js';
import type { Flight } from './in-flight.js';
import type { ValidInput } from './route-input.js';
import type { ServedRoute } from './route-table.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace this request belongs to; null only before the first hook ran. */
    trace: TraceContext | null;
    /** The route that matched; null for unknown addresses. */
    route: ServedRoute | null;
    /** Milliseconds of `performance.now()` when the request arrived. */
    arrivedAtMs: number;
    /** Its place among the requests being worked on; null before and after. */
    flight: Flight | null;
    /** Who calls; null on public routes and before authentication. */
    principal: Principal | null;
    /** The recorded decision that let this request in, when the route asks for one. */
    decisionId: string | null;
    /** Body, query and params after validation; null before. */
    input: ValidInput | null;
  }
}

/** A request as hooks, guards and controllers see it. */
export type HttpRequest = FastifyRequest;
