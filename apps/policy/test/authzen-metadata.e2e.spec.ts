import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startService } from '@gatehouse/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { policyService } from '../src/app.module.js';
import { type PolicyStack, startPolicyStack, tenant, untilKnown } from './policy-stack.js';

const origin = 'https://gate.example.org';
const root = '/.well-known/authzen-configuration';
let stack: PolicyStack;

const read = async (path: string) => {
  const response = await stack.call(path);
  return { response, document: (await response.json()) as Record<string, string> & { capabilities: string[] } };
};
/** The keys over HTTP, as the document's `jwks_uri` says, which is the address behind the gateway. */
const keysOf = async (document: Record<string, unknown>) => {
  const { pathname } = new URL(String(document.jwks_uri));
  return createRemoteJWKSet(new URL(pathname, await stack.service.app.getUrl()));
};
/** The program itself, which is expected to end. */
async function startedAsProcess(settings: Record<string, string>) {
  const program = join(import.meta.dirname, '../src/main.js');
  const child = spawn(process.execPath, [program], {
    env: { ...stack.env, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code: Number(code), stderr };
}
const restart = async (change: () => void) => {
  await stack.service.stop();
  change();
  stack.service = await startService(policyService, stack.env);
};

beforeAll(async () => {
  stack = await startPolicyStack({ PUBLIC_URL: `${origin}/` });
  const { key } = await stack.identity.createKey(tenant, 'operator', ['owner']);
  await untilKnown(stack, key);
});
afterAll(async () => stack.stop());

describe('the metadata', () => {
  it.each([
    [root, origin],
    [`${root}/${tenant}`, `${origin}/${tenant}`],
  ])('of %s is of the identifier that it was asked for', async (path, identifier) => {
    const { response, document } = await read(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
    expect(document.policy_decision_point).toBe(identifier);
    const endpoints = Object.keys(document).filter((name) => name.endsWith('_endpoint'));
    expect(endpoints.sort()).toEqual([
      'access_evaluation_endpoint',
      'access_evaluations_endpoint',
      'search_action_endpoint',
      'search_resource_endpoint',
      'search_subject_endpoint',
    ]);
    for (const name of endpoints) {
      expect(document[name]).toMatch(/^https:\/\/gate\.example\.org\/access\/v1\//);
      // Each is there: 401 and not 404.
      const { pathname } = new URL(String(document[name]));
      expect((await stack.call(pathname, { body: {} })).status).toBe(401);
    }
    expect(document.capabilities.every((name) => name.startsWith('urn:'))).toBe(true);
    expect(document).not.toHaveProperty('supported_capabilities');
  });

  it('is signed by the one it speaks of, and says the same again', async () => {
    const { document } = await read(`${root}/${tenant}`);
    const { signed_metadata: jwt, ...plain } = document;
    const { payload } = await jwtVerify(String(jwt), await keysOf(document), {
      algorithms: ['EdDSA'],
      issuer: String(plain.policy_decision_point),
    });
    expect(payload).toMatchObject(plain);
    expect(payload).not.toHaveProperty('signed_metadata');
    expect(payload.iss).toBe(`${origin}/${tenant}`);
  });

  it('is not another one with the names changed', async () => {
    const { document } = await read(root);
    const [head, body = '', code] = String(document.signed_metadata).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const evil = Buffer.from(JSON.stringify({ ...claims, access_evaluation_endpoint: 'https://evil.example' }));
    const keys = await keysOf(document);
    await expect(jwtVerify(`${head}.${evil.toString('base64url')}.${code}`, keys)).rejects.toThrow('signature');
  });

  it('tells nobody which tenants exist', async () => {
    const known = await read(`${root}/${tenant}`);
    const unknown = await read(`${root}/nobody-at-all`);
    expect(unknown.response.status).toBe(200);
    const anonymous = ({ signed_metadata: jwt, ...plain }: Record<string, unknown>, name: string) =>
      JSON.stringify([plain, decodeJwt(String(jwt)), decodeProtectedHeader(String(jwt))]).replaceAll(name, '*');
    expect(anonymous(unknown.document, 'nobody-at-all')).toBe(anonymous(known.document, tenant));
    const headers = ({ response }: typeof known) =>
      [...response.headers].filter(
        ([name]) => !['date', 'x-request-id', 'content-length', 'traceparent'].includes(name),
      );
    expect(headers(unknown)).toEqual(headers(known));
  });

  it.each(['..', 'UPPER', 'a%2Fb', 'a%00', '%E2%82%AC', 'x'.repeat(64), 'a.b', '-a', 'a?b=c', ''])(
    'is none for %j: no identifier is answered that differs from the one asked for',
    async (name) => {
      const response = await stack.call(`${root}/${name}`);
      // `..` is resolved by the client: it asks for another path.
      expect([400, 404]).toContain(response.status);
    },
  );

  it('is read, not written, and asks for no credentials', async () => {
    expect((await stack.call(root, { method: 'HEAD' })).status).toBe(200);
    expect((await stack.call(root, { body: {} })).status).toBe(404);
    expect((await stack.call(root, { headers: { authorization: 'Bearer nonsense' } })).status).toBe(200);
  });

  it('echoes the request id', async () => {
    const response = await stack.call(root, { headers: { 'x-request-id': 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716' } });
    expect(response.headers.get('x-request-id')).toBe('bfe9eb29-ab87-4ca3-be83-a1d5d8305716');
  });
});

describe('the key of the metadata', () => {
  const keys = async () => (await (await stack.call('/api/v1/policy/jwks.json')).json()) as JSONWebKeySet;
  const file = () => String(stack.env.METADATA_KEY_FILE);

  it('is made at the first start for its owner alone, and is published without its private part', async () => {
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const [key, ...others] = (await keys()).keys;
    expect(others).toEqual([]);
    expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
    expect(key).not.toHaveProperty('d');
  });

  it('is the same after a restart', async () => {
    const before = await keys();
    await restart(() => undefined);
    expect(await keys()).toEqual(before);
  });

  it('keeps the service from starting when others may read it, or when it is none', async () => {
    const pem = readFileSync(file(), 'utf8');
    chmodSync(file(), 0o644);
    expect(await startedAsProcess({})).toMatchObject({ code: 1, stderr: expect.stringContaining('0600') });
    chmodSync(file(), 0o600);
    writeFileSync(file(), 'not a key');
    const refused = await startedAsProcess({});
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('Ed25519') });
    expect(refused.stderr).not.toContain('not a key');
    writeFileSync(file(), pem);
  });

  it.each(['http://gate.example.org', 'https://gate.example.org/below'])(
    'signs nothing for the public address %s, which is no identifier',
    async (PUBLIC_URL) => {
      const refused = await startedAsProcess({ PUBLIC_URL });
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('PUBLIC_URL') });
    },
  );

  it('may be absent: the metadata is then not signed, and names no keys', async () => {
    await stack.service.stop();
    stack.service = await startService(policyService, { ...stack.env, METADATA_KEY_FILE: undefined });
    const { document } = await read(root);
    expect(document).not.toHaveProperty('signed_metadata');
    expect(document).not.toHaveProperty('jwks_uri');
    expect((await stack.call('/api/v1/policy/jwks.json')).status).toBe(404);
    await restart(() => undefined);
  });
});
