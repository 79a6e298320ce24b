import { lookup as lookUp } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPublicAddress, literalAddress, type WebhookTargets } from './public-address.js';

/** Why a message was not taken. The words are shown to the tenant: they tell nothing of what stands behind an address. */
export type DeliveryProblem =
  | 'address_not_allowed'
  | 'not_resolved'
  | 'timeout'
  | 'certificate'
  | 'unreachable'
  | `status_${number}`;

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface PostOptions {
  readonly targets: WebhookTargets;
  readonly resolve?: (hostname: string) => Promise<readonly Address[]>;
  readonly timeoutMs?: number;
}

class AddressNotAllowed extends Error {}

const resolveAll = (hostname: string): Promise<readonly Address[]> => lookUp(hostname, { all: true, verbatim: true });

/**
 * The look-up of one connection: what it answers is what is connected to, so a name that leads elsewhere a moment later
 * leads nowhere. One address that is not allowed refuses the name: a public one beside it is no excuse.
 */
export function guardedLookup({ targets, resolve = resolveAll }: PostOptions): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const allowed = targets === 'any' || addresses.every(({ address }) => isPublicAddress(address));
        const [first] = addresses;
        if (!first || !allowed) return callback(new AddressNotAllowed(), '', 0);
        if (options.all) return callback(null, [...addresses]);
        return callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

/**
 * Posts one message and answers what went wrong, or undefined when it was taken (a status of 2xx). Redirects are not
 * followed, the answer is not read, and no proxy is used.
 */
export async function postWebhook(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  options: PostOptions,
): Promise<DeliveryProblem | undefined> {
  const { targets, timeoutMs = 5_000 } = options;
  const literal = literalAddress(url);
  // A literal address is connected to without any look-up.
  if (targets === 'public' && (url.protocol !== 'https:' || (literal !== undefined && !isPublicAddress(literal))))
    return 'address_not_allowed';
  try {
    const status = await post(url, headers, body, guardedLookup(options), timeoutMs);
    return status >= 200 && status < 300 ? undefined : `status_${status}`;
  } catch (error) {
    return problemOf(error);
  }
}

const post = (
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  lookup: LookupFunction,
  timeoutMs: number,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http;
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent: false,
        lookup,
        signal: AbortSignal.timeout(timeoutMs),
        maxHeaderSize: 16_384,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'Gatehouse',
        },
      },
      (response) => {
        // What it says does not matter, and may have no end.
        response.on('error', () => undefined).destroy();
        resolve(response.statusCode ?? 0);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });

const certificateCodes = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/;

function problemOf(error: unknown): DeliveryProblem {
  const { name, code = '' } = error as NodeJS.ErrnoException;
  if (error instanceof AddressNotAllowed) return 'address_not_allowed';
  if (name === 'TimeoutError' || name === 'AbortError') return 'timeout';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') return 'not_resolved';
  return certificateCodes.test(code) ? 'certificate' : 'unreachable';
}
