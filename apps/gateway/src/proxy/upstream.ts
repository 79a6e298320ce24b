import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, passed on as they are. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/** One service: where it is, and the connections kept open to it. */
export class Upstream {
  /** `Host` of requests to it. */
  readonly host: string;
  readonly #send: (request: UpstreamRequest) => ClientRequest;
  readonly #agent: HttpAgent | HttpsAgent;

  /** @throws Error for an address with a path or credentials */
  constructor(
    readonly name: string,
    address: string,
    maxConnections: number,
  ) {
    const url = new URL(address);
    if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
      throw new Error(`the address of ${name} is more than scheme, host and port`);
    }
    this.host = url.host;
    const isTls = url.protocol === 'https:';
    const settings = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections };
    const agent = isTls ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.#agent = agent;
    const where = { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || (isTls ? 443 : 80), agent };
    const send = isTls ? httpsRequest : httpRequest;
    this.#send = (request) => send({ ...where, ...request });
  }

  /** Begins a request on a kept connection. The caller writes the body, ends it, and listens to `error`. */
  request(request: UpstreamRequest): ClientRequest {
    return this.#send(request);
  }

  /** Closes every connection. */
  close(): void {
    this.#agent.destroy();
  }
}
