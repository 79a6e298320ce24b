import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from 'jose';

/** Somebody who signs tokens and publishes his keys. */
export interface TestIssuer {
  readonly url: string;
  readonly jwks: { readonly keys: readonly object[] };
  /** The public key as PEM. */
  readonly publicPem: string;
  readonly privateKey: CryptoKey;
  /** A token of this issuer that lives five minutes, with these claims over the usual ones. */
  token(claims?: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

async function newSigner() {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const sign = (issuer: string, claims: JWTPayload): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000);
    const usual = { iss: issuer, sub: 'repo:acme/app', aud: 'gatehouse', iat: now, nbf: now, exp: now + 300 };
    return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey);
  };
  return { publicKey, privateKey, jwks: { keys: [jwk] }, publicPem: await exportSPKI(publicKey), sign };
}

/** @param discovered the issuer that its discovery document names, itself unless given */
export async function startIssuer(discovered?: string): Promise<TestIssuer> {
  const { jwks, publicPem, privateKey, sign } = await newSigner();
  let url = '';
  const answers: Record<string, () => object> = {
    '/jwks': () => jwks,
    '/.well-known/openid-configuration': () => ({ issuer: discovered ?? url, jwks_uri: `${url}/jwks` }),
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer?.() ?? {}));
  });
  url = `http://127.0.0.1:${await listen(server)}`;
  const token = (claims: JWTPayload = {}) => sign(url, claims);
  return { url, jwks, publicPem, privateKey, token, stop: () => stop(server) };
}

/** The part of a Kubernetes API server that reviews tokens, over HTTPS with a certificate of its own authority. */
export interface TestCluster {
  readonly url: string;
  /** Of its authority. */
  readonly caPem: string;
  /** Its published keys, as text. */
  readonly jwks: string;
  /** The token that may ask for reviews. */
  readonly reviewer: string;
  /** Service accounts that are gone: `namespace/name`. */
  readonly gone: Set<string>;
  readonly asked: { count: number };
  token(namespace: string, name: string, claims?: JWTPayload): Promise<string>;
  stop(): Promise<void>;
}

export async function startCluster(folder: string): Promise<TestCluster> {
  const { publicKey, jwks, sign } = await newSigner();
  const { caFile, certFile, keyFile } = await createLocalAuthority(folder);
  const issuer = 'https://kubernetes.default.svc.cluster.local';
  const reviewer = 'reviewer-token-of-the-test-cluster';
  const gone = new Set<string>();
  const asked = { count: 0 };

  const review = async (token: string, audiences: readonly string[] = [issuer]) => {
    try {
      const { payload } = await jwtVerify(token, publicKey, { issuer, audience: [...audiences] });
      const [, , namespace, name] = String(payload.sub).split(':');
      if (gone.has(`${namespace}/${name}`)) return { authenticated: false, error: 'the service account is gone' };
      const held = [payload.aud ?? []].flat();
      const shared = audiences.filter((audience) => held.includes(audience));
      return { authenticated: true, audiences: shared, user: { username: payload.sub, uid: 'uid-7' } };
    } catch {
      return { authenticated: false, error: 'invalid token' };
    }
  };
  const handler: RequestListener = async (request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    asked.count += 1;
    if (request.headers.authorization !== `Bearer ${reviewer}`) return answer(401, { kind: 'Status' });
    if (request.method !== 'POST' || request.url !== '/apis/authentication.k8s.io/v1/tokenreviews')
      return answer(404, {});
    const { spec } = JSON.parse(await bodyOf(request)) as { spec: { token: string; audiences?: string[] } };
    answer(201, { kind: 'TokenReview', status: await review(spec.token, spec.audiences) });
  };
  const server = createTlsServer(
    { cert: readFileSync(certFile), key: readFileSync(keyFile) },
    handler,
  ) as unknown as Server;
  const url = `https://127.0.0.1:${await listen(server)}`;
  return {
    ...{ url, caPem: readFileSync(caFile, 'utf8'), jwks: JSON.stringify(jwks), reviewer, gone, asked },
    token: (namespace, name, claims = {}) =>
      sign(issuer, { sub: `system:serviceaccount:${namespace}:${name}`, aud: issuer, ...claims }),
    stop: () => stop(server),
  };
}
