import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt, type JWTPayload } from 'jose';
import Provider, { type Account, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { type Forgery, forge, newKey, type OpKey } from './forge.js';

/**
 * Somebody else's OpenID provider: `oidc-provider` as a process of its own, with its own keys and people. What a hostile
 * one would answer is told to it at `POST /control`. It writes its address when it listens.
 */
interface Control {
  /** Who is at the browser, with all claims: whoever signs in next is this. */
  person: { sub: string; [claim: string]: unknown };
  /** What is wrong with the next identity tokens. */
  forgery: Forgery;
  jwks: 'fine' | 'down' | 'slow' | 'huge';
  discovery: 'fine' | 'other_issuer' | 'redirect' | 'private_keys_uri';
}

const control: Control = { person: { sub: 'nobody' }, forgery: 'none', jwks: 'fine', discovery: 'fine' };
const counts: Record<string, number> = {};
const keys: OpKey[] = [await newKey('first')];
const server = createServer();
await new Promise<void>((done) => server.listen(Number(process.env.OP_PORT ?? 0), '127.0.0.1', done));
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const redirectUris: string[] = [];

const configuration: Configuration = {
  clients: [
    {
      client_id: 'gatehouse',
      client_secret: 'a-secret-between-two-servers',
      redirect_uris: ['https://localhost/placeholder'],
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
  ],
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name'],
    groups: ['groups', 'realm_access'],
  },
  scopes: ['openid', 'email', 'profile', 'groups'],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  pkce: { required: () => true },
  findAccount: (_ctx, id): Account => ({ accountId: id, claims: () => ({ ...control.person, sub: id }) }),
  loadExistingGrant: async (ctx) => {
    const { client, session, provider } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client?.clientId, accountId: session?.accountId });
    grant.addOIDCScope('openid email profile groups');
    await grant.save();
    return grant;
  },
};

const provider = new Provider(issuer, configuration);
// Where people may be sent back to is known once the other side has made its address.
provider.Client.prototype.redirectUriAllowed = (uri: string) => redirectUris.includes(uri);
provider.use(async (ctx: KoaContextWithOIDC, next) => {
  await next();
  const { route } = ctx.oidc ?? {};
  if (route === undefined) return;
  counts[route] = (counts[route] ?? 0) + 1;
  await answers[route]?.(ctx);
});

type Body = Record<string, unknown>;

/** What this provider changes in the answers of the library, by route. */
const answers: Readonly<Record<string, (ctx: KoaContextWithOIDC) => void | Promise<void>>> = {
  discovery: (ctx) => {
    const changes: Record<Control['discovery'], () => void> = {
      fine: () => undefined,
      other_issuer: () => Object.assign(ctx.body as Body, { issuer: 'https://id.example.org' }),
      redirect: () => ctx.redirect(`${issuer}/elsewhere`),
      private_keys_uri: () => Object.assign(ctx.body as Body, { jwks_uri: 'http://169.254.169.254/latest/meta-data' }),
    };
    changes[control.discovery]();
  },
  jwks: async (ctx) => {
    ctx.body = { keys: keys.map(({ publicJwk }) => publicJwk) };
    if (control.jwks === 'down') ctx.status = 500;
    if (control.jwks === 'huge') ctx.body = { keys, filler: 'x'.repeat(2_000_000) };
    if (control.jwks === 'slow') await new Promise((done) => setTimeout(done, 20_000));
  },
  token: async (ctx) => {
    const body = ctx.body as { id_token?: string };
    if (body.id_token === undefined) return;
    const { amr } = control.person;
    const claims = { ...decodeJwt(body.id_token), ...(amr !== undefined && { amr }) };
    ctx.body = { ...body, id_token: await sign(claims, control.forgery) };
  },
};

function sign(claims: JWTPayload, forgery: Forgery): Promise<string> {
  return forge(claims, keys.at(-1) as OpKey, forgery);
}

async function readJson(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Body);
}

/** What the tests ask of this process beside what a provider does. */
const controls: Readonly<Record<string, (body: Body) => unknown>> = {
  '/control': (body) => Object.assign(control, body),
  '/control/redirect-uri': ({ uri }) => redirectUris.push(String(uri)),
  '/control/rotate': async () => void keys.splice(0, keys.length, await newKey(`key-${Date.now()}`)),
  '/control/counts': () => undefined,
  '/control/token': async ({ claims, forgery }) => {
    const now = Math.floor(Date.now() / 1_000);
    const whole = { iss: issuer, iat: now, exp: now + 300, ...(claims as JWTPayload) };
    // `null` says that a claim is not there: JSON has no other way.
    const present = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null));
    return { token: await sign(present, (forgery as Forgery | undefined) ?? 'none') };
  },
};

const library = provider.callback();
server.on('request', async (request, response) => {
  const path = new URL(request.url ?? '/', issuer).pathname;
  const act = controls[path];
  if (act) {
    const answer = (await act(await readJson(request))) ?? {};
    return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ answer, counts }));
  }
  if (path.startsWith('/interaction/'))
    return void provider.interactionFinished(request, response, { login: { accountId: control.person.sub } });
  return library(request, response);
});
process.on('SIGTERM', () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
