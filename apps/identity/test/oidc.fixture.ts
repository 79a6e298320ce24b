import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { tokenAudience } from '@gatehouse/authn';
import { loadRootKey, uuidv7 } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import { freePort } from '@gatehouse/testing';
import type { JWTPayload } from 'jose';
import * as client from 'openid-client';
import pg from 'pg';
import { SigningKeys } from '../src/signing-key/signing-keys.service.js';
import { works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack, tail } from './stack.fixture.js';

export interface SignedIn {
  readonly userId: string;
  readonly sessionId: string;
  /** An access token as our own sign-in gives it. */
  readonly token: string;
}

export interface Registered {
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface OidcStack {
  readonly stack: Stack;
  readonly replica: Replica;
  readonly owner: FirstOwner;
  readonly issuer: string;
  readonly signingKeys: SigningKeys;
  readonly env: Record<string, string>;
  signIn(who?: FirstOwner, options?: { secondsAgo?: number; methods?: readonly string[] }): Promise<SignedIn>;
  endSession(who: SignedIn, tenantId?: string): Promise<void>;
  append(tenantId: string, streamId: string, type: string, data: object): Promise<void>;
  register(body: object, key?: string): Promise<Registered>;
  mint(claims: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

/** The service at a public address of its own, and people who are signed in. */
export async function startOidc(changes: Record<string, string> = {}): Promise<OidcStack> {
  const stack = await startStack();
  const owner = await stack.bootstrap();
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const env = { PUBLIC_URL: issuer, ...changes };
  const replica = await stack.serve({ ...env, SERVICE_PORT: String(port) });
  await works(replica, owner.operatorKey);
  const pools = [stack.databaseUrl(), String(stack.env().DATABASE_SYSTEM_URL)].map((connectionString) => {
    const pool = new pg.Pool({ connectionString, max: 2 });
    pool.on('error', () => undefined);
    return pool;
  });
  const [request, system] = pools as [pg.Pool, pg.Pool];
  const store = new PostgresEventStore({ service: 'identity', pool: request });
  const root = loadRootKey(String(stack.env().ROOT_KEY_FILE));
  const signingKeys = new SigningKeys({ pool: system, root, algorithm: 'ES256', onError: () => undefined });
  await signingKeys.refresh(Date.now());
  const sign = (claims: JWTPayload) =>
    signingKeys.sign(claims, { typ: 'at+jwt', lifetimeSeconds: 900, nowMs: Date.now() });
  const append: OidcStack['append'] = async (tenantId, streamId, type, data) => {
    const { revision } = await store.read(tenantId, streamId);
    const context = { tenantId, actor: { type: 'user', id: owner.ownerId }, now: Date.now(), correlationId: 'test' };
    await store.append(streamId, [{ type, version: 1, data }], { expectedRevision: revision, context });
  };

  return {
    stack,
    replica,
    owner,
    issuer,
    signingKeys,
    env,
    append,
    async signIn(who = owner, { secondsAgo = 0, methods = ['pwd'] } = {}) {
      const sessionId = uuidv7(Date.now());
      const userId = who.ownerId;
      await store.append(
        `session:${sessionId}`,
        [{ type: 'session.started', version: 1, data: { sessionId, userId, methods } }],
        {
          expectedRevision: 0,
          context: {
            tenantId: who.tenantId,
            actor: { type: 'user', id: userId },
            now: Date.now() - secondsAgo * 1_000,
            correlationId: 'test',
          },
        },
      );
      const claims = {
        iss: issuer,
        aud: tokenAudience,
        sub: userId,
        tenant: who.tenantId,
        sid: sessionId,
        amr: [...methods],
      };
      return { userId, sessionId, token: await sign({ ...claims, jti: randomUUID() }) };
    },
    endSession: ({ sessionId, userId }, tenantId = owner.tenantId) =>
      append(tenantId, `session:${sessionId}`, 'session.ended', { sessionId, userId, reason: 'signed_out' }),
    async register(body, key = owner.operatorKey) {
      const response = await fetch(`${issuer}/api/v1/identity/clients`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'A test', name: `c-${randomBytes(6).toString('hex')}`, ...body }),
      });
      const answer = (await response.json()) as Registered;
      if (response.status !== 201) throw new Error(`${JSON.stringify(answer)} ${tail(replica)}`);
      return answer;
    },
    mint: (claims) => sign({ iss: issuer, aud: tokenAudience, jti: randomUUID(), ...claims }),
    async stop() {
      for (const pool of pools) await pool.end();
      await stack.stop();
    },
  };
}

/** Configuration of `openid-client` for a registered client, found by discovery. */
export async function discover(issuer: string, clientId: string, auth: client.ClientAuth = client.None()) {
  const options = { execute: [client.allowInsecureRequests] };
  return client.discovery(new URL(issuer), clientId, undefined, auth, options);
}

/** A browser, as far as redirects and cookies go. */
export class Browser {
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();

  /** Follows redirects within the issuer; answers where it ended up: the last address and answer. */
  async open(url: string, stopAt: (url: URL) => boolean = () => false): Promise<Response & { at: string }> {
    let at = url;
    for (let hop = 0; hop < 10; hop++) {
      const response = await this.fetch(at, { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' } });
      const location = response.headers.get('location');
      if (location === null) return Object.assign(response, { at });
      at = new URL(location, at).href;
      const next = new URL(at);
      if (next.host !== new URL(url).host || pages.has(next.pathname) || stopAt(next))
        return Object.assign(response, { at });
    }
    throw new Error(`too many redirects, the last to ${at}`);
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { pathname } = new URL(url);
    const cookie = this.cookieFor(url);
    const headers = { ...(init.headers as Record<string, string>), ...(cookie && { cookie }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line, pathname);
    return response;
  }

  /** A call of one of our pages. */
  async call<T = Record<string, unknown>>(url: string, body: object | undefined, token?: string) {
    const response = await this.fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'x-gatehouse-request': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text && JSON.parse(text)) as T };
  }

  /** What it would send to an address. */
  cookieFor(url: string): string {
    const { pathname } = new URL(url);
    return [...this.#cookies]
      .filter(([, { path }]) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name.split('\n')[0]}=${value}`)
      .join('; ');
  }

  #keep(line: string, requestPath: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const [name = '', ...rest] = pair.split('=');
    const value = rest.join('=');
    const path = attributes.find((each) => /^path=/i.test(each))?.slice(5) ?? requestPath;
    if (value === '' || attributes.some((each) => /^expires=Thu, 01 Jan 1970/i.test(each)))
      this.#cookies.delete(`${name}\n${path}`);
    else this.#cookies.set(`${name}\n${path}`, { value, path });
  }
}

const pages: ReadonlySet<string> = new Set(['/signin', '/consent', '/device']);

export interface PersonAnswer {
  readonly token: string;
  readonly tenantId?: string;
  /** Calls /abort instead of agreeing. */
  readonly refuses?: boolean;
}

/** Walks an authorization through our pages; answers the address at the client that it ended at. */
export async function authorize(browser: Browser, url: URL, person: PersonAnswer): Promise<URL> {
  let { at } = await browser.open(url.href);
  for (let step = 0; step < 4; step++) {
    const page = new URL(at);
    if (page.host !== url.host || !pages.has(page.pathname)) return page;
    const interaction = `${url.origin}/oidc/interaction/${page.searchParams.get('interaction')}`;
    const what = person.refuses ? 'abort' : page.pathname === '/signin' ? 'login' : 'consent';
    const body = what === 'consent' && person.tenantId ? { tenantId: person.tenantId } : {};
    const answer = await browser.call<{ location: string }>(
      `${interaction}/${what}`,
      body,
      what === 'login' ? person.token : undefined,
    );
    if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    ({ at } = await browser.open(answer.body.location));
  }
  throw new Error(`no end, the last page was ${at}`);
}

export const redirectUri = 'https://app.example/cb';

/** A whole sign-in of a person at a client: browser, pages, code, tokens. */
export async function signInAt(
  config: client.Configuration,
  person: PersonAnswer,
  parameters: Record<string, string> = {},
  browser = new Browser(),
) {
  const { url, verifier, state, nonce } = await authorizationUrl(config, parameters);
  const back = await authorize(browser, url, person);
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const tokens = await client.authorizationCodeGrant(config, back, checks);
  return { tokens, back, verifier, browser };
}

export async function authorizationUrl(config: client.Configuration, parameters: Record<string, string> = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid email profile',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...parameters,
  });
  return { url, verifier, state, nonce };
}

/** A form at the token endpoint, or another, as a client that says exactly this. */
export async function postForm(url: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text && JSON.parse(text)) as Record<string, string>,
  };
}

export const basic = ({ clientId, clientSecret }: Registered): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
});

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Claims of a token, unchecked. */
export const claimsOf = (token: string): JWTPayload & Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload;
