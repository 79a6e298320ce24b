import { defineRoute, type HttpRequest, ProblemError, ROUTE_SPEC, type RouteMethod } from '@gatehouse/http';
import { gauge } from '@gatehouse/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { GatewayRoute, UpstreamName } from '../routes.js';
import { takeBodies } from './body.js';
import { forward } from './forward.js';
import { faultOf } from './request-guard.js';
import { asksUpgrade, forwardUpgrade, routeUpgrades, Tunnels } from './upgrade.js';
import type { Upstream } from './upstream.js';

const methods: readonly RouteMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export interface ProxyOptions {
  readonly routes: readonly GatewayRoute[];
  readonly upstreams: Readonly<Record<UpstreamName, Upstream>>;
  readonly bodyLimitBytes: number;
  readonly timeoutMs: number;
}

/** Serves the table of routes. Returns how to end the tunnels of upgraded connections. */
export function serveRoutes(instance: FastifyInstance, options: ProxyOptions): () => void {
  const tunnels = new Tunnels();
  const remove = gauge('gateway_tunnels', 'WebSocket connections passed through', () => tunnels.size);
  takeBodies(instance, options.bodyLimitBytes);
  instance.addHook('onRequest', (request, _reply, done) => done(refusalOf(request)));
  for (const route of options.routes) {
    for (const method of route.readOnly ? methods.slice(0, 1) : methods)
      serve(instance, route, method, options, tunnels);
  }
  routeUpgrades(instance);
  instance.addHook('onClose', async () => remove());
  return () => tunnels.closeAll();
}

/** A request that two servers could read differently leaves its connection in doubt, too: it ends. */
function refusalOf(request: HttpRequest): ProblemError | undefined {
  const { method = '', url = '', httpVersion, rawHeaders } = request.raw;
  const fault = faultOf({ method, url, httpVersion, rawHeaders });
  if (fault === undefined) return undefined;
  return new ProblemError('malformed_request', fault, { headers: { connection: 'close' } });
}

function serve(
  instance: FastifyInstance,
  route: GatewayRoute,
  method: RouteMethod,
  options: ProxyOptions,
  tunnels: Tunnels,
): void {
  const upstream = options.upstreams[route.upstream];
  const spec = defineRoute({
    method,
    path: route.path,
    access: { kind: 'public' },
    summary: `Handed on to ${route.upstream}`,
    timeoutMs: route.stream || route.ws ? 0 : options.timeoutMs,
    forwarded: true,
  });
  const handler = (request: HttpRequest, reply: FastifyReply) => {
    if (!asksUpgrade(request)) return forward(upstream, request, reply, route.to);
    if (!route.ws) throw new ProblemError('malformed_request', 'This address takes no WebSocket');
    return forwardUpgrade(upstream, tunnels, request, reply);
  };
  instance.route({ method, url: route.path, config: { [ROUTE_SPEC]: spec }, handler });
}
