import type { FastifyInstance, FastifyReply } from 'fastify';
import type { HttpRequest } from './request.js';
import { ROUTE_SPEC, type RouteSpec } from './route.js';
import { JSON_CONTENT_TYPE } from './send-problem.js';

/**
 * Serves a route on Fastify itself, for one that is asked thousands of times a second: no pipes, no interceptors, and the
 * handler writes its JSON, and on the reply headers at most. Access, validation, limits, the access log and the problem documents are those of every route,
 * for they hang on the specification. Call it while the application initializes (`onModuleInit`), before it listens.
 *
 * @example serveRoute(host.httpAdapter.getInstance(), evaluation, async (request) => JSON.stringify(await decide(request)))
 */
export function serveRoute(
  instance: FastifyInstance,
  spec: RouteSpec,
  handler: (request: HttpRequest, reply: FastifyReply) => Promise<string>,
): void {
  instance.route({
    method: spec.method,
    url: spec.path,
    config: { [ROUTE_SPEC]: spec },
    handler: (request, reply) => {
      handler(request, reply).then(
        // An answer that comes after its time was up finds the problem sent.
        (text) =>
          reply.sent ||
          reply
            .code(spec.status ?? 200)
            .header('content-type', JSON_CONTENT_TYPE)
            .send(text),
        (error: unknown) =>
          reply.sent || reply.send(error instanceof Error ? error : new Error('thrown without an error')),
      );
    },
  });
}
