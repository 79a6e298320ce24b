import { lookup } from 'node:dns';
import { type ClientRequest, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { isLoopback, isPublicAddress } from './foreign-address.js';

/** What an installation allows its issuers beyond public `https` addresses. */
export interface ForeignReach {
  /** Issuers in private networks: a Keycloak beside this installation. */
  readonly privateNetworks?: boolean;
  /** Issuers on this machine, over plain `http` too: for development and tests. */
  readonly loopback?: boolean;
}

export interface ForeignFetchOptions extends ForeignReach {
  /** Whole time of one request, its body included; 5 s unless given. */
  readonly timeoutMs?: number;
  /** Largest body that is read, 256 KiB unless given. */
  readonly maxBytes?: number;
  /** Certificates (PEM) that vouch for the other side in the place of the public ones: those of its own authority. */
  readonly ca?: string;
}

/** The call did not leave this process: its address is not one that issuers may have. */
export class ForeignAddressRefused extends Error {
  constructor() {
    super('the address is not one that an issuer may have here');
    this.name = 'ForeignAddressRefused';
  }
}

/** The part of `fetch` that clients of somebody else's issuer need. */
export interface ForeignRequest {
  readonly method?: string;
  readonly headers?: ConstructorParameters<typeof Headers>[0];
  readonly body?: unknown;
  readonly signal?: AbortSignal | null;
}

export type ForeignFetch = (url: string, request?: ForeignRequest) => Promise<Response>;

/**
 * `fetch` for addresses that a tenant's administrator typed in. It connects to public addresses only, checked on what
 * the name resolved to for this very connection; never follows a redirect; bounds time and size; keeps no connection.
 *
 * @example const response = await createForeignFetch({})('https://id.example.org/.well-known/openid-configuration')
 * @throws ForeignAddressRefused; Error for a connection that failed, took too long or answered too much
 */
export function createForeignFetch(options: ForeignFetchOptions): ForeignFetch {
  const { timeoutMs = 5_000, maxBytes = 262_144, ca } = options;
  return async (text, { method = 'GET', headers, body, signal } = {}) => {
    const url = new URL(text);
    if (!isForeignUrl(url, options)) throw new ForeignAddressRefused();
    const limit = AbortSignal.timeout(timeoutMs);
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const payload = toText(body);
    const request = send(url, {
      method,
      headers: { ...Object.fromEntries(new Headers(headers)), 'accept-encoding': 'identity' },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      lookup: lookupAllowed(options),
      agent: false,
      ...(ca !== undefined && { ca }),
    } satisfies RequestOptions & SecureContextOptions);
    return read(request, payload, maxBytes);
  };
}

/** Whether an issuer may have this address, as far as its text tells; what a name resolves to is checked on connecting. */
export function isForeignUrl(url: URL, reach: ForeignReach): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || isLoopback(host);
  if (url.username !== '' || url.password !== '') return false;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local && reach.loopback)) return false;
  return isIP(host) === 0 ? true : mayReach(host, reach);
}

const mayReach = (address: string, { privateNetworks, loopback }: ForeignReach): boolean =>
  isLoopback(address) ? loopback === true : privateNetworks === true || isPublicAddress(address);

/** Refuses a name as soon as one of its addresses is refused: which one is used is not ours to say. */
const lookupAllowed =
  (reach: ForeignReach): LookupFunction =>
  (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      if (addresses.length === 0 || !addresses.every(({ address }) => mayReach(address, reach)))
        return callback(new ForeignAddressRefused(), '', 0);
      const [{ address, family } = { address: '', family: 0 }] = addresses;
      return options.all ? callback(null, addresses) : callback(null, address, family);
    });
  };

function toText(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof URLSearchParams) return String(body);
  throw new TypeError('only text and forms are sent to an issuer');
}

const withoutBody = new Set([204, 205, 304]);

function read(request: ClientRequest, payload: string | undefined, maxBytes: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('error', reject);
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) request.destroy(new Error(`the answer is larger than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      incoming.on('end', () => {
        const status = incoming.statusCode ?? 502;
        const type = incoming.headers['content-type'];
        const headers = type === undefined ? {} : { 'content-type': type };
        resolve(new Response(withoutBody.has(status) ? null : Buffer.concat(chunks), { status, headers }));
      });
    });
    request.end(payload);
  });
}
