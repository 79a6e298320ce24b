import type { HttpRequest, InputOf, Principal, RouteSpec } from '@gatehouse/http';
import { serveRoute } from '@gatehouse/http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Asker } from '../../asker.js';

/** Who may do what with which secret is decided by the handler, which knows the path and the version. */
export const decidedInside = { kind: 'authenticated', anyScope: true } as const;

/** A path with its slashes; the vault checks its form. */
export const params = z.object({ '*': z.string() });

export const pathOf = (input: { readonly params: { readonly '*': string } }): string => input.params['*'];

/** What an answer says in its `ETag`. */
interface Revised {
  readonly revision?: number;
}

/** A route of secrets: its answer is JSON, with the revision as `ETag` for `If-Match`. */
export function serve<const T extends RouteSpec>(
  server: FastifyInstance,
  spec: T,
  handle: (asker: Asker, input: InputOf<T>) => Promise<object>,
): void {
  serveRoute(server, spec, async (request, reply) => {
    const answer = await handle(askerOf(request), request.input as InputOf<T>);
    const { revision } = answer as Revised;
    if (revision !== undefined) reply.header('etag', `"${revision}"`);
    return JSON.stringify(answer);
  });
}

export const askerOf = (request: HttpRequest): Asker => ({ caller: request.principal as Principal, request });
