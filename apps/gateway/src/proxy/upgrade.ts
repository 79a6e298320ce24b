import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type HttpRequest, ProblemError, unavailable } from '@gatehouse/http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { upstreamHeaders } from './forward.js';
import { responseHeaders } from './headers.js';
import type { Upstream } from './upstream.js';

/** Connections that ask for another protocol, until a route has taken or refused them. */
const waiting = new WeakMap<IncomingMessage, { readonly socket: Socket; readonly head: Buffer }>();

export const asksUpgrade = (request: HttpRequest): boolean => waiting.has(request.raw);

/**
 * Sends upgrade requests through the application like any other, so that rate, guard, table and log are the same. Node has
 * let go of the connection by then: whatever is answered, it ends with the answer.
 */
export function routeUpgrades(instance: FastifyInstance): void {
  instance.server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    // Node's type leaves room for servers of other makes; here it is the socket, plain or TLS.
    const socket = connection as Socket;
    waiting.set(request, { socket, head });
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    response.shouldKeepAlive = false;
    response.once('finish', () => response.statusCode !== 101 && socket.destroySoon());
    instance.routing(request, response);
  });
}

/** Open tunnels of upgraded connections. */
export class Tunnels {
  readonly #open = new Set<Duplex>();

  get size(): number {
    return this.#open.size;
  }

  /** Joins two connections until one of them ends. Backpressure passes through; nothing is looked at. */
  join(client: Duplex, service: Duplex, onEnd: () => void): void {
    this.#open.add(client);
    const end = () => {
      client.destroy();
      service.destroy();
      if (this.#open.delete(client)) onEnd();
    };
    for (const side of [client, service]) side.on('error', end).on('close', end);
    client.pipe(service);
    service.pipe(client);
  }

  closeAll(): void {
    for (const client of this.#open) client.destroy();
  }
}

/** Passes a WebSocket handshake on (RFC 6455, 4.1) and, when the service agrees, joins the two connections. */
export function forwardUpgrade(upstream: Upstream, tunnels: Tunnels, request: HttpRequest, reply: FastifyReply): void {
  const { socket, head } = waiting.get(request.raw) ?? {};
  const isWebSocket = request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
  if (socket === undefined || !isWebSocket)
    throw new ProblemError('malformed_request', 'Only WebSocket is upgraded to');
  const headers = { ...upstreamHeaders({ upstream, request }), connection: 'Upgrade', upgrade: 'websocket' };
  const out = upstream.request({ method: 'GET', path: request.raw.url ?? '/', headers });
  const onClose = () => out.destroy();
  socket.once('close', onClose);
  out.once('error', (error) => {
    if (!reply.sent) reply.send(unavailable(`The ${upstream.name} service cannot be reached`, 1, error));
  });
  out.once('response', (response) => {
    reply.hijack();
    reply.raw.writeHead(response.statusCode ?? 502, responseHeaders(response.headers, reply.getHeaders()));
    response.pipe(reply.raw);
  });
  out.once('upgrade', (response: IncomingMessage, service: Duplex, serviceHead: Buffer) => {
    socket.off('close', onClose);
    if (reply.sent || socket.destroyed) return void service.destroy();
    accept(reply, socket, response);
    if (head && head.length > 0) service.write(head);
    if (serviceHead.length > 0) socket.write(serviceHead);
    tunnels.join(socket, service, () => reply.raw.emit('close'));
  });
  out.end();
}

/** Answers 101 with the service's own handshake and takes the connection away from the answer. */
function accept(reply: FastifyReply, socket: Socket, response: IncomingMessage): void {
  reply.hijack();
  const { raw } = reply;
  raw.sendDate = false;
  raw.writeHead(101, {
    ...responseHeaders(response.headers, {}),
    connection: 'Upgrade',
    upgrade: 'websocket',
  });
  raw.end();
  raw.detachSocket(socket);
  socket.setTimeout(0).setNoDelay(true);
}
