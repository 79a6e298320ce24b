import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type HttpRequest, ProblemError, unavailable } from '@gatehouse/http';
import { formatTraceparent, newTraceContext } from '@gatehouse/telemetry';
import type { FastifyReply } from 'fastify';
import { type Body, bodyOf, collectBytes } from './body.js';
import { requestHeaders, responseHeaders } from './headers.js';
import type { Upstream } from './upstream.js';

/** The service was not reached, so nothing was done. */
const notReached = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const repeatable = new Set(['GET', 'HEAD']);

/** Passes a request on and its answer back, both as streams. `to` is the path at the service, when it is another one. */
export function forward(upstream: Upstream, request: HttpRequest, reply: FastifyReply, to?: string): void {
  send({ upstream, request, reply, path: to ?? request.raw.url ?? '/' }, repeatable.has(request.method) ? 1 : 0);
}

interface Passage {
  readonly upstream: Upstream;
  readonly request: HttpRequest;
  readonly reply: FastifyReply;
  readonly path: string;
}

export function upstreamHeaders({ upstream, request }: Pick<Passage, 'upstream' | 'request'>) {
  return requestHeaders(request.headers, {
    ip: request.ip,
    host: request.headers.host ?? '',
    upstreamHost: upstream.host,
    requestId: request.id,
    traceparent: formatTraceparent(request.trace ?? newTraceContext()),
  });
}

function send(passage: Passage, repeats: number): void {
  const { upstream, request, reply, path } = passage;
  const body = bodyOf(request);
  const headers = { ...upstreamHeaders(passage), ...framing(request, body) };
  const out = upstream.request({ method: request.method, path, headers });
  // Ends with the client: answered, timed out, or gone.
  const onClose = () => out.destroy();
  reply.raw.once('close', onClose);
  out.once('response', (response) => answer(passage, response));
  out.on('error', (error: NodeJS.ErrnoException) => {
    reply.raw.off('close', onClose);
    // A kept connection may end just as it is used again (RFC 9112, 9.3.1): for a read the next one will do.
    if (out.reusedSocket && error.code === 'ECONNRESET' && repeats > 0 && !isOver(reply)) send(passage, repeats - 1);
    else fail(passage, error);
  });
  sendBody(out, body);
}

/**
 * How the service finds the end of the body. Always said: where Node expects no body (DELETE) it would write one without
 * any framing, and the service would read it as the next request.
 */
function framing({ headers }: HttpRequest, body: Body): OutgoingHttpHeaders {
  if (body === null || body === undefined) return {};
  if (body instanceof Uint8Array) return { 'content-length': body.length };
  const declared = headers['content-length'];
  return declared === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': declared };
}

function sendBody(out: ClientRequest, body: Body): void {
  if (body === null || body === undefined) out.end();
  // As one text with the head, in the encoding that leaves every byte as it is: one write instead of two.
  else if (body instanceof Uint8Array) out.end(body.toString('latin1'), 'latin1');
  // Not `pipeline`: it would end the client's connection with the service's, and nobody could be told why.
  else body.on('error', (error) => out.destroy(error)).pipe(out);
}

/** Somebody else has answered (a time limit), or there is nobody left to answer. */
const isOver = (reply: FastifyReply): boolean => reply.sent || reply.raw.destroyed;

/** The answer goes out as it comes in; problem documents of the service too. */
function answer({ reply, request, upstream }: Passage, response: IncomingMessage): void {
  if (isOver(reply)) {
    response.destroy();
    return;
  }
  endWithAnswer(request, reply);
  const own = reply.getHeaders();
  reply.hijack();
  try {
    reply.raw.writeHead(response.statusCode ?? 502, responseHeaders(response.headers, own));
  } catch (error) {
    // What Node's parser let in, Node's writer refuses: the answer cannot be given as it is.
    response.destroy();
    reply.raw.destroy(new Error(`${upstream.name} answered headers that cannot be passed on`, { cause: error }));
    return;
  }
  const length = Number(response.headers['content-length'] ?? Number.NaN);
  if (length <= collectBytes) passWhole(response, reply);
  else passOn(response, reply);
}

/** A short answer, in one write. */
function passWhole(response: IncomingMessage, reply: FastifyReply): void {
  let text = '';
  response.setEncoding('latin1');
  response.on('data', (chunk: string) => {
    text += chunk;
  });
  response.once('end', () => reply.raw.end(text, 'latin1'));
  // Cut short there, cut short here: the client must not take half an answer for a whole one.
  response.once('error', () => reply.raw.destroy());
}

/** An answer of any length, as fast as the client reads it. */
function passOn(response: IncomingMessage, reply: FastifyReply): void {
  response.pipe(reply.raw);
  response.once('error', () => reply.raw.destroy());
}

/** A service may answer before it has read a body and then end its connection: that answer stands. */
function fail({ reply, upstream, request }: Passage, error: NodeJS.ErrnoException): void {
  if (isOver(reply)) return;
  endWithAnswer(request, reply);
  reply.send(problemOf(upstream.name, request.method, error));
}

/** With a part of the body unread, the connection can serve no other request. */
function endWithAnswer(request: HttpRequest, reply: FastifyReply): void {
  if (!request.raw.complete) reply.header('connection', 'close');
}

function problemOf(name: string, method: string, error: NodeJS.ErrnoException): ProblemError {
  if (error instanceof ProblemError) return error;
  if (notReached.has(error.code ?? '')) return unavailable(`The ${name} service cannot be reached`, 1, error);
  const doubt = repeatable.has(method) ? '' : ': it may have done what was asked, so look before you repeat it';
  return unavailable(`The ${name} service broke off its answer${doubt}`, 1, error);
}
