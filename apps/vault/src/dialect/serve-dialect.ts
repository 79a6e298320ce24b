import {
  type HttpRequest,
  JSON_CONTENT_TYPE,
  ProblemError,
  ROUTE_SPEC,
  type RouteMethod,
  type RouteSpec,
} from '@gatehouse/http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { BareAnswer, type DialectAnswer, envelopeOf, envelopeShape, type WrapAnswer } from './answer.js';
import { DIALECT_AUTHENTICATE } from './credentials.js';
import type { AnyAnswer, DialectRoute } from './dialect-route.js';
import { parseDuration } from './duration.js';
import { vaultErrors } from './error-form.js';
import { parseExactly } from './exact-json.js';

const bodyLimitBytes = 512 * 1024;
const allMethods: readonly RouteMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Serves the routes of the dialect on Fastify itself, in a context of their own: every body is JSON there whatever its
 * `Content-Type` says (Go's client sends none, curl the one of forms), and every problem is `{"errors": []}`.
 */
export function serveDialect(
  instance: FastifyInstance,
  routes: readonly DialectRoute[],
  wrap: WrapAnswer | undefined,
): void {
  instance.register(async (own) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      try {
        done(null, parseExactly(body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    });
    for (const route of [...routes, elsewhere(routes)]) {
      for (const method of route.spec.methods) serve(own, method, route, wrap);
    }
  });
}

function serve(instance: FastifyInstance, method: RouteMethod, route: DialectRoute, wrap: WrapAnswer | undefined) {
  const { methods: _methods, path, ...shapes } = route.spec;
  const spec: RouteSpec = {
    response: envelopeShape,
    bodyLimitBytes,
    ...shapes,
    method,
    path,
    access: route.access,
    errorForm: vaultErrors,
    authenticator: DIALECT_AUTHENTICATE,
  };
  instance.route({
    method,
    url: path,
    config: { [ROUTE_SPEC]: spec },
    handler: (request, reply) => {
      answer(route, request, reply, wrap).catch((error: unknown) => {
        if (!reply.sent) reply.send(error instanceof Error ? error : new Error('thrown without an error'));
      });
    },
  });
}

async function answer(route: DialectRoute, request: HttpRequest, reply: FastifyReply, wrap: WrapAnswer | undefined) {
  const ttlSeconds = wrapTtlOf(request, wrap);
  const given = await route.handle(request);
  const { status, body } = await bodyOf(given, request, ttlSeconds === undefined ? undefined : { ttlSeconds, wrap });
  // An answer that comes after its time was up finds the problem sent.
  if (reply.sent) return;
  if (body === undefined) reply.code(204).send();
  else reply.code(status).header('content-type', JSON_CONTENT_TYPE).send(JSON.stringify(body));
}

interface Wish {
  readonly ttlSeconds: number;
  readonly wrap: WrapAnswer | undefined;
}

async function bodyOf(given: AnyAnswer, request: HttpRequest, wish: Wish | undefined) {
  if (given === undefined) return { status: 204, body: undefined };
  if (given instanceof BareAnswer) return given;
  const { status = 200 } = given;
  const envelope = envelopeOf(request, given);
  if (!wish?.wrap || status !== 200 || !holdsSomething(given)) return { status, body: envelope };
  const { caller, path } = { caller: request.principal, path: pathOf(request) };
  const wrapInfo = await wish.wrap(envelope, { ttlSeconds: wish.ttlSeconds, caller, request, path });
  return { status, body: { ...envelopeOf(request, {}), wrap_info: wrapInfo } };
}

const holdsSomething = ({ data, auth }: DialectAnswer): boolean => Boolean(data ?? auth);

export const pathOf = ({ url }: HttpRequest): string => (url.split('?', 1)[0] ?? '').slice('/v1/'.length);

/** Seconds that the caller asks an answer to be kept aside for. Known before anything is done. */
function wrapTtlOf({ headers }: HttpRequest, wrap: WrapAnswer | undefined): number | undefined {
  const given = headers['x-vault-wrap-ttl'];
  if (given === undefined || given === '' || given === '0') return undefined;
  const seconds = parseDuration(String(given));
  if (!seconds) throw headerError('X-Vault-Wrap-TTL is not a time such as 120s');
  if (!wrap) throw headerError('Answers are not wrapped here');
  return seconds;
}

const headerError = (message: string): ProblemError =>
  new ProblemError('validation_failed', undefined, { errors: [{ path: 'headers.x-vault-wrap-ttl', message }] });

/** What no other route answers: 405 where the address is known with another method, else nothing is there. */
function elsewhere(routes: readonly DialectRoute[]): DialectRoute {
  const known = routes.map(({ spec }) => patternOf(spec.path));
  return {
    spec: { methods: allMethods, path: '/v1/*', summary: 'What is not part of the dialect', problems: ['not_found'] },
    access: { kind: 'public' },
    handle: async ({ url }) => {
      const [path = ''] = url.split('?', 1);
      throw new ProblemError(known.some((pattern) => pattern.test(path)) ? 'unsupported_operation' : 'not_found');
    },
  };
}

/** `/v1/a/:name/*` as a pattern of whole paths. */
function patternOf(path: string): RegExp {
  const source = path
    .replace(/[.\\+?^${}()|[\]]/g, '\\$&')
    .replace(/:[A-Za-z_]+/g, '[^/]+')
    .replace('*', '.+');
  return new RegExp(`^${source}$`);
}
