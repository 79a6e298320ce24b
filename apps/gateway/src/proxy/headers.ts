import type { IncomingHttpHeaders, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';

/** Between two neighbours only (RFC 9110, 7.6.1), and those of older drafts that some still send. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** What only a proxy may say, and what many programs believe of anybody. What is true of it the gateway writes anew. */
const proxySays = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-url',
  'x-rewrite-url',
  'true-client-ip',
  'cf-connecting-ip',
  'x-request-id',
  'traceparent',
  // Node answers `100-continue` itself.
  'expect',
  'host',
  // The body is framed anew by whoever sends it: what the client says of its length ends here.
  'content-length',
]);

/** What the gateway knows of a request, told to the service in headers. */
export interface RequestFacts {
  readonly ip: string;
  /** The authority the client asked for. */
  readonly host: string;
  readonly upstreamHost: string;
  readonly requestId: string;
  readonly traceparent: string;
}

/** The headers for a service: the client's, without what is not his to say, with what the gateway knows. */
export function requestHeaders(incoming: IncomingHttpHeaders, facts: RequestFacts): OutgoingHttpHeaders {
  const named = connectionOptions(incoming.connection);
  const headers: OutgoingHttpHeaders = {};
  for (const name in incoming) {
    if (hopByHop.has(name) || proxySays.has(name) || name.startsWith('x-forwarded-') || named?.has(name)) continue;
    headers[name] = incoming[name];
  }
  headers.host = facts.upstreamHost;
  // RFC 9110, 7.6.3: a gateway must name itself to the service.
  headers.via = '1.1 gatehouse';
  headers['x-forwarded-for'] = facts.ip;
  headers['x-forwarded-proto'] = 'https';
  headers['x-forwarded-host'] = facts.host;
  headers['x-request-id'] = facts.requestId;
  headers.traceparent = facts.traceparent;
  return headers;
}

/** The headers for the client: the service's, over those every answer of the gateway has. */
export function responseHeaders(
  incoming: IncomingHttpHeaders,
  own: NodeJS.Dict<OutgoingHttpHeader>,
): OutgoingHttpHeaders {
  const named = connectionOptions(incoming.connection);
  const headers = { ...own } as OutgoingHttpHeaders;
  for (const name in incoming) {
    if (!hopByHop.has(name) && !named?.has(name)) headers[name] = incoming[name];
  }
  return headers;
}

/** Headers that `Connection` declares to be for this hop. `keep-alive` and `close`, nearly all there is, cost nothing. */
function connectionOptions(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((option) => option.trim().toLowerCase()));
}
