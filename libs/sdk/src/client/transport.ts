import { setTimeout as pause } from 'node:timers/promises';
import { errorOf, GatehouseError } from './gatehouse-error.js';

export interface ClientOptions {
  /** `https://...`; plain `http` for this machine alone, unless `allowPlainHttp`. */
  readonly url: string;
  /** The key or token to call with, or where to get it: asked before each call, so that a rotated one counts at once. */
  readonly credential: string | (() => string | Promise<string>);
  /** For one try, its answer included. Milliseconds. */
  readonly timeoutMs?: number;
  /** Tries after the first, on 503 alone: what could not be recorded was not done. */
  readonly retries?: number;
  /** The longest wait that a `Retry-After` may ask for; beyond it the call fails at once. Milliseconds. */
  readonly maxRetryAfterMs?: number;
  readonly allowPlainHttp?: boolean;
  /** Another `fetch`, such as one that trusts an authority of one's own. */
  readonly fetch?: typeof fetch;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

export type Transport = <T>(call: Call) => Promise<T>;

/** No answer of Gatehouse to these calls is near that. */
const maxAnswerBytes = 8 * 1024 * 1024;

/** @throws TypeError for an address that is none, or to which a credential must not be sent */
export function transportFor(options: ClientOptions): Transport {
  const { credential, timeoutMs = 10_000, retries = 3, maxRetryAfterMs = 10_000, fetch: send = fetch } = options;
  const base = checkedUrl(options);
  return async <T>(call: Call): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      const answer = await once(send, base, call, await readCredential(credential), timeoutMs);
      if (answer.status >= 200 && answer.status < 300) return parsed<T>(answer);
      const waitMs = retryAfterMs(answer.retryAfter, attempt);
      if (answer.status !== 503 || attempt >= retries || waitMs > maxRetryAfterMs)
        throw errorOf(answer.status, answer.contentType, answer.text);
      await pause(waitMs);
    }
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
  readonly text: string;
}

async function once(send: typeof fetch, base: URL, call: Call, key: string, timeoutMs: number): Promise<Answer> {
  const url = new URL(base.pathname.replace(/\/$/, '') + call.path, base);
  for (const [name, value] of Object.entries(call.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value));
  try {
    const response = await send(url, {
      method: call.method,
      headers: {
        accept: 'application/json, application/problem+json',
        authorization: `Bearer ${key}`,
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      // The credential goes to the one address that was given.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      retryAfter: response.headers.get('retry-after'),
      text: await bounded(response),
    };
  } catch (cause) {
    throw cause instanceof GatehouseError ? cause : unreachable(base, cause as Error, timeoutMs);
  }
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes)
      throw new GatehouseError('the answer is larger than any of Gatehouse', 'unexpected_answer', response.status);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed<T>({ text, status }: Answer): T {
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new GatehouseError('the answer is not that of Gatehouse', 'unexpected_answer', status);
  }
}

function unreachable({ origin }: URL, error: Error, timeoutMs: number): GatehouseError {
  if (error.name === 'TimeoutError')
    return new GatehouseError(`${origin} did not answer within ${timeoutMs} ms`, 'timed_out', 0);
  const { code, message = error.message } = (error.cause ?? {}) as { code?: string; message?: string };
  const reason = code ?? message;
  return new GatehouseError(`${origin} cannot be reached (${reason})`, 'unreachable', 0, undefined, [], {
    cause: error,
  });
}

/** Seconds or a date (RFC 9110 10.2.3); without one, a quarter of a second and more with each try. */
function retryAfterMs(header: string | null, attempt: number): number {
  if (header !== null && /^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const date = header === null ? Number.NaN : Date.parse(header);
  return Number.isNaN(date) ? 250 * 2 ** attempt : Math.max(0, date - Date.now());
}

async function readCredential(credential: ClientOptions['credential']): Promise<string> {
  const key = typeof credential === 'string' ? credential : await credential();
  // Never in the message: what stands in the wrong place may be another secret.
  if (!/^[\x21-\x7e]{1,8192}$/.test(key)) throw new TypeError('the credential is not a key or token');
  return key;
}

function checkedUrl({ url: text, allowPlainHttp = false }: ClientOptions): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new TypeError('url is not an address such as https://gatehouse.example.com');
  if (url.username || url.password) throw new TypeError('url must not hold credentials');
  const isOwn = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isOwn && !allowPlainHttp)
    throw new TypeError('url is plain http: the credential could be read on the way (allowPlainHttp permits it)');
  return url;
}
