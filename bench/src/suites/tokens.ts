import { createPublicKey } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createTokenVerifier, tokenAudience } from '@gatehouse/authn';
import { waitFor } from '@gatehouse/testing';
import { startChild } from '../child.js';
import { type Figures, load, median } from '../load.js';
import { type Row, rate, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';

const connections = 64;
const rounds = 3;

interface Target {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** Introspection and tokens that a service checks by itself, beside a "hello" of the same framing: A B C A B C. */
export async function tokens(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const identity = String(stack.services.identity);
  const { basic, token } = await serviceToken(identity, stack.key);
  const hello = await startChild([fileURLToPath(new URL('../hello-server.js', import.meta.url))], (line) =>
    line.startsWith('http'),
  );
  const form = { authorization: basic, 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json' };
  const targets: Readonly<Record<string, Target>> = {
    'NestJS on Fastify hello': { url: hello.line, method: 'POST', headers: json, body: '{}' },
    'introspection of an access token': {
      url: `${identity}/oidc/introspect`,
      method: 'POST',
      headers: form,
      body: `token=${token}`,
    },
    'request with an access token': {
      url: `${identity}/api/v1/identity/me`,
      method: 'GET',
      headers: { authorization: `Bearer ${token}` },
    },
  };
  const figures = new Map<string, Figures[]>();
  for (let round = 0; round < rounds; round++)
    for (const [name, target] of Object.entries(targets))
      figures.set(name, [...(figures.get(name) ?? []), await load(target, connections, seconds)]);
  await hello.stop();
  const rateOf = (name: string) => median((figures.get(name) ?? []).map(({ perSecond }) => perSecond));
  const helloRate = rateOf('NestJS on Fastify hello');
  const rows: Row[] = [...figures].map(([name, measured]) => ({
    name: `${name}, c=${connections}`,
    value: `${rate(rateOf(name))}  p99 ${median(measured.map(({ p99Ms }) => p99Ms))} ms  ${measured.reduce((sum, { failed }) => sum + failed, 0)} failed`,
    ...(name.includes('token') && { ratio: ratioOf(rateOf(name), helloRate), against: 'hello' }),
  }));
  return [...rows, ...(await verifications(identity, token, seconds))];
}

/** Makes a service client through the API, and one token of it. */
async function serviceToken(identity: string, key: string): Promise<{ basic: string; token: string }> {
  // Right after the first start identity does not know its operator's key yet.
  const known = async () =>
    (await fetch(`${identity}/api/v1/identity/me`, { headers: { authorization: `Bearer ${key}` } })).ok;
  await waitFor(known, { message: 'the operator key', timeoutMs: 30_000 });
  const made = await fetch(`${identity}/api/v1/identity/clients`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: `bench-${Date.now()}`, title: 'Bench', kind: 'service', permissions: ['*'] }),
  });
  const { clientId, clientSecret } = (await made.json()) as { clientId: string; clientSecret: string };
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
  const ask = async () => {
    const answer = await fetch(`${identity}/oidc/token`, {
      method: 'POST',
      headers: { authorization: basic },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: '*' }),
    });
    return ((await answer.json()) as { access_token?: string }).access_token;
  };
  const token = await waitFor(ask, { message: 'a token of the new client', timeoutMs: 30_000 });
  return { basic, token };
}

/** The check alone, in this process: of a token seen before, and of one never seen (a new verifier each time). */
async function verifications(identity: string, token: string, seconds: number): Promise<readonly Row[]> {
  const { iss } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { iss: string };
  const options = { issuer: iss, audience: tokenAudience, jwksUrl: `${identity}/.well-known/jwks.json` };
  const { keys } = (await (await fetch(options.jwksUrl)).json()) as { keys: { kid: string }[] };
  const jwk = keys[0];
  if (!jwk) throw new Error('no key is published');
  const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' });
  const fresh = () => createTokenVerifier({ issuer: iss, audience: tokenAudience, keys: () => publicKey });
  const known = fresh();
  const perSecond = async (work: () => Promise<unknown>) => {
    const until = performance.now() + seconds * 1_000;
    let count = 0;
    while (performance.now() < until) {
      await work();
      count++;
    }
    return count / seconds;
  };
  const cached = await perSecond(() => known(token, Date.now()));
  const first = await perSecond(() => fresh()(token, Date.now()));
  return [
    { name: 'check of a token seen before, one thread', value: rate(cached) },
    { name: 'check of a token never seen (ES256), one thread', value: rate(first) },
  ];
}
