import { createWriteStream, readFileSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { exitCodes, Failure } from './failure.js';
import { type Answer, RefusedError, refusedError } from './output/problem.js';
import { keepSession, readSession } from './settings/credentials.js';
import { withCredentialsLock } from './settings/lock.js';
import type { OAuth2Token, Settings } from './settings/settings.js';

const timeoutMs = 30_000;
const downloadTimeoutMs = 3_600_000;
/** A proof file has at most 64 MiB; nothing else is near that. */
const maxAnswerBytes = 80 * 1024 * 1024;

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** Instead of `body`: as OAuth has it. */
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent without credentials: a sign-in has none yet. */
  readonly isPublic?: boolean;
  /** How the answer is taken in, and for how long; into memory within half a minute unless given. */
  readonly read?: (response: http.IncomingMessage) => Promise<Answer>;
  readonly limitMs?: number;
}

/** The services behind one address. Every method throws a Failure that says what went wrong and what to do. */
export class Client {
  readonly #settings: Settings;
  readonly #tls: https.RequestOptions;
  #session: OAuth2Token | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#tls = {
      ...(settings.ca && { ca: readAuthority(settings.ca.value) }),
      ...(settings.trustInvalidCertificate && { rejectUnauthorized: false }),
    };
  }

  async get<T>(path: string, query: Query = {}, headers: Call['headers'] = {}): Promise<T> {
    return this.#json<T>({ method: 'GET', path, query, headers });
  }

  async post<T>(path: string, body?: unknown, headers: Call['headers'] = {}): Promise<T> {
    return this.#json<T>({ method: 'POST', path, body, headers });
  }

  async put<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>({ method: 'PUT', path, body });
  }

  async patch<T>(path: string, body: unknown, headers: Call['headers'] = {}): Promise<T> {
    return this.#json<T>({ method: 'PATCH', path, body, headers });
  }

  async delete<T>(path: string, headers: Call['headers'] = {}): Promise<T> {
    return this.#json<T>({ method: 'DELETE', path, headers });
  }

  /** Without credentials. */
  async postPublic<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>({ method: 'POST', path, body, isPublic: true });
  }

  /** Without credentials, to an endpoint of OAuth. */
  async postForm<T>(path: string, form: Readonly<Record<string, string>>): Promise<T> {
    return this.#json<T>({ method: 'POST', path, form, isPublic: true });
  }

  /** The exact bytes: of a proof every one counts. */
  async bytes(path: string, query: Query = {}): Promise<Buffer> {
    return (await this.#answer({ method: 'GET', path, query })).body;
  }

  /** Writes an answer of any length to a file that only its owner can read, whole or not at all. */
  async download(path: string, file: string): Promise<void> {
    const keep = (response: http.IncomingMessage) =>
      response.statusCode === 200 ? save(response, file) : collect(response);
    await this.#answer({ method: 'GET', path, read: keep, limitMs: downloadTimeoutMs });
  }

  async #json<T>(call: Call): Promise<T> {
    const { body } = await this.#answer(call);
    if (body.length === 0) return undefined as T;
    try {
      return JSON.parse(body.toString('utf8')) as T;
    } catch (cause) {
      throw new Failure(
        exitCodes.unavailable,
        `${this.#settings.url.value} did not answer as Gatehouse does`,
        undefined,
        {
          cause,
        },
      );
    }
  }

  async #answer(call: Call): Promise<Answer> {
    const bearer = call.isPublic ? undefined : await this.#bearer();
    const answer = await this.#send(call, bearer).catch((error: NodeJS.ErrnoException) => {
      throw error instanceof Failure ? error : unreachable(error, this.#settings);
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusedError(answer);
  }

  #send(call: Call, bearer: string | undefined): Promise<Answer> {
    const { method, path, query = {}, headers: more, read = collect, limitMs = timeoutMs } = call;
    const url = new URL(this.#settings.url.value + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const { text, type } = contentOf(call);
    const headers = {
      ...more,
      accept: 'application/json, text/plain, application/problem+json',
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(text !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
    };
    const options = { method, headers, signal: AbortSignal.timeout(limitMs), agent: false } as const;
    return new Promise((resolve, reject) => {
      const take = (response: http.IncomingMessage) => read(response).then(resolve, reject);
      const request =
        url.protocol === 'https:'
          ? https.request(url, { ...options, ...this.#tls }, take)
          : http.request(url, options, take);
      request.on('error', reject);
      request.end(text);
    });
  }

  async #bearer(): Promise<string> {
    const { apiKey, session } = this.#settings;
    if (apiKey === undefined && session !== undefined) return this.#accessToken(session);
    if (apiKey === undefined)
      throw new Failure(
        exitCodes.unauthenticated,
        'there is no key to call with',
        'gatehouse login --email ADDRESS signs in, gatehouse login --api-key-stdin keeps a key; GATEHOUSE_API_KEY gives one for a single call',
      );
    if (!/^[\x21-\x7e]+$/.test(apiKey.value))
      throw new Failure(exitCodes.unauthenticated, `${apiKey.from} does not hold a key`);
    return apiKey.value;
  }

  /**
   * The access token, or the next one when it is about to expire. The file is read again first: another call in another
   * terminal may have refreshed it.
   */
  async #accessToken(known: OAuth2Token): Promise<string> {
    this.#session ??= known;
    if (isFresh(this.#session)) return this.#session.access_token;
    const { folder } = this.#settings;
    // One at a time: a refresh token that is used twice ends the whole sign-in.
    this.#session = await withCredentialsLock(folder, async () => {
      const kept = readSession(folder) ?? known;
      return isFresh(kept) ? kept : this.#refresh(kept);
    });
    return this.#session.access_token;
  }

  async #refresh({ refresh_token, client_id }: OAuth2Token): Promise<OAuth2Token> {
    const refreshToken = { refresh_token: refresh_token ?? '' };
    const tokens = await (client_id === undefined
      ? this.postPublic<IssuedTokens>('/api/v1/auth/refresh', refreshToken)
      : this.postForm<IssuedTokens>('/oidc/token', { grant_type: 'refresh_token', client_id, ...refreshToken }).catch(
          (error: unknown) => {
            throw signInOver(error);
          },
        ));
    const next = toToken(tokens, Date.now(), client_id);
    keepSession(this.#settings.folder, next);
    return next;
  }
}

/** RFC 6749 5.2: the grant behind the refresh token is gone, or it was used before. */
const signInOver = (error: unknown): unknown =>
  error instanceof RefusedError && error.members.error === 'invalid_grant'
    ? new Failure(exitCodes.unauthenticated, 'the sign-in is over', 'gatehouse login signs in again')
    : error;

function contentOf({ body, form }: Call): { readonly text?: string; readonly type: string } {
  if (form) return { text: new URLSearchParams(form).toString(), type: 'application/x-www-form-urlencoded' };
  return { ...(body !== undefined && { text: JSON.stringify(body) }), type: 'application/json' };
}

/** What every way to sign in answers. */
export interface IssuedTokens {
  readonly access_token: string;
  readonly refresh_token: string;
  /** Seconds. */
  readonly expires_in: number;
}

export const toToken = (issued: IssuedTokens, nowMs: number, clientId?: string): OAuth2Token => ({
  access_token: issued.access_token,
  refresh_token: issued.refresh_token,
  expires_at: Math.floor(nowMs / 1_000) + issued.expires_in,
  ...(clientId !== undefined && { client_id: clientId }),
});

/** Half a minute is more than a call takes. */
const isFresh = ({ expires_at }: OAuth2Token): boolean => expires_at - 30 > Date.now() / 1_000;

async function collect(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswerBytes)
      throw new Failure(exitCodes.unavailable, 'the answer is larger than any Gatehouse gives');
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body: Buffer.concat(chunks),
  };
}

async function save(response: http.IncomingMessage, file: string): Promise<Answer> {
  const draft = `${file}.${process.pid}.new`;
  try {
    // `wx`: never through a link or into a file that somebody else laid there with other rights.
    await pipeline(response, createWriteStream(draft, { flags: 'wx', mode: 0o600 }));
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return { status: 200, contentType: '', body: Buffer.alloc(0) };
}

function readAuthority(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(exitCodes.usage, `the certificate authority ${path} cannot be read (${code})`, undefined, {
      cause,
    });
  }
}

const certificateCodes = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/;

function unreachable(cause: NodeJS.ErrnoException, { url, ca }: Settings): Failure {
  const reason =
    cause.name === 'TimeoutError' ? `no answer within ${timeoutMs / 1_000} s` : (cause.code ?? cause.message);
  if (certificateCodes.test(cause.code ?? '')) {
    const next = ca
      ? `The authority came from ${ca.from}: ${ca.value}`
      : 'Name the certificate authority: --ca FILE or GATEHOUSE_CA (a development stack keeps it in .gatehouse/tls/ca.pem)';
    return new Failure(exitCodes.unavailable, `the certificate of ${url.value} is not trusted (${reason})`, next, {
      cause,
    });
  }
  const next = `Is it running? The address came from ${url.from}; another one: --url or GATEHOUSE_URL`;
  return new Failure(exitCodes.unavailable, `${url.value} cannot be reached (${reason})`, next, { cause });
}
