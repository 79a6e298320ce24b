import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { GatehouseClient } from './gatehouse-client.js';
import type { GatehouseError } from './gatehouse-error.js';
import type { ClientOptions } from './transport.js';

const servers: (() => void)[] = [];
afterEach(() => {
  for (const close of servers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(handler: Handler, options: Partial<ClientOptions> = {}) {
  const seen: { method: string | undefined; url: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    seen.push({ method: request.method, url: request.url, authorization: request.headers.authorization });
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, url, client: new GatehouseClient({ url, credential: 'mas_key', ...options }) };
}

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const failure = (promise: Promise<unknown>): Promise<GatehouseError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error: GatehouseError) => error,
  );

describe('calls', () => {
  it('go to the address of the secret, each segment escaped', async () => {
    const { client, seen } = await serve(answer(200, { data: { value: 'v' } }));
    expect(await client.secrets.read('production/a b?/x#%2f', { version: 3 })).toEqual({ data: { value: 'v' } });
    await client.secrets.resolve('secret://acme/production/db&x=1');
    await client.secrets.list('production', { limit: 5 });
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/v1/vault/secrets/production/a%20b%3F/x%23%252f?version=3',
      'GET /api/v1/vault/resolve?reference=secret%3A%2F%2Facme%2Fproduction%2Fdb%26x%3D1',
      'GET /api/v1/vault/secrets?prefix=production&limit=5',
    ]);
    expect(new Set(seen.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer mas_key']));
  });

  it.each(['', 'a//b', '/a', 'a/', '../keys', 'a/./b'])('never go elsewhere: %j', async (path) => {
    const { client, seen } = await serve(answer(200, {}));
    await expect(client.secrets.read(path)).rejects.toThrow(RangeError);
    expect(seen).toEqual([]);
  });

  it('ask for many secrets in as few requests as it takes, and tell what became of each', async () => {
    const bodies: { secrets: { path: string }[] }[] = [];
    const resultOf = ({ path }: { path: string }) => {
      const codes: Record<string, [number, string]> = { 'p/3': [403, 'forbidden'], 'p/70': [413, 'answer_too_large'] };
      const [status, code] = codes[path] ?? [];
      return status ? { ok: false, error: { status, code, title: 'No' } } : { ok: true, path, version: 1 };
    };
    const { client, seen } = await serve((request, response) => {
      if (request.method === 'GET') return answer(200, { path: 'p/70', version: 2 })(request, response, 0);
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        const body = JSON.parse(text);
        bodies.push(body);
        answer(200, { results: body.secrets.map(resultOf) })(request, response, 0);
      });
    });
    const paths = Array.from({ length: 100 }, (_, i) => `p/${i}`);
    const answers = await client.secrets.readMany(paths);
    expect(answers[3]).toMatchObject({ name: 'GatehouseError', code: 'forbidden', status: 403 });
    expect(answers[70]).toEqual({ path: 'p/70', version: 2 });
    expect(answers.filter((_, i) => i !== 3 && i !== 70)).toEqual(
      paths.filter((_, i) => i !== 3 && i !== 70).map((path) => ({ path, version: 1 })),
    );
    expect(bodies.map(({ secrets }) => secrets.length)).toEqual([64, 36]);
    expect(seen.map(({ url }) => url)).toEqual([
      ...['/api/v1/vault/read', '/api/v1/vault/read'],
      '/api/v1/vault/secrets/p/70',
    ]);
    expect(await client.secrets.readMany([])).toEqual([]);
    await expect(client.secrets.readMany(['a', '../b'])).rejects.toThrow(RangeError);
    const odd = await serve(answer(200, { results: [] }));
    expect(await failure(odd.client.secrets.readMany(['a']))).toMatchObject({ code: 'unexpected_answer' });
    const sealed = await serve(answer(503, { code: 'sealed' }), { retries: 0 });
    expect(await failure(sealed.client.secrets.readMany(['a']))).toMatchObject({ code: 'sealed', status: 503 });
  });

  it('ask for the credential each time, so that a rotated one counts at once', async () => {
    let key = 'first';
    const { client, seen } = await serve(answer(200, {}), { credential: async () => key });
    await client.secrets.read('a');
    key = 'second';
    await client.secrets.read('a');
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  it('keep the path of a proxy in front', async () => {
    const { url, seen } = await serve(answer(200, {}));
    await new GatehouseClient({ url: `${url}/gate/`, credential: 'k' }).secrets.read('a');
    expect(seen[0]?.url).toBe('/gate/api/v1/vault/secrets/a');
  });
});

describe('decisions', () => {
  const question = { subject: { type: 'user', id: 'u' }, action: { name: 'a.b' }, resource: { type: 't', id: 'r' } };

  it.each([
    [{ decision: true, context: { id: '1' } }, true],
    [{ decision: false }, false],
    [{ decision: 'true' }, false],
    [{}, false],
    [null, false],
  ])('%j is %s', async (body, allowed) => {
    const { client } = await serve(answer(200, body));
    expect((await client.decide(question)).decision).toBe(allowed);
  });
});

describe('refusals', () => {
  it('have the code of the problem, its fields and its trace', async () => {
    const { client } = await serve(
      answer(
        403,
        {
          title: 'No',
          detail: 'not here',
          code: 'forbidden',
          traceId: 't1',
          errors: [{ path: 'a', message: 'is bad' }],
        },
        { 'content-type': 'application/problem+json' },
      ),
    );
    const { message, code, status, traceId } = await failure(client.secrets.read('a'));
    expect({ message, code, status, traceId }).toEqual({
      message: 'No: not here: a is bad',
      code: 'forbidden',
      status: 403,
      traceId: 't1',
    });
  });

  it.each<[string, Handler]>([
    ['a page of somebody else', (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['a redirect, which is not followed', (_q, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['more than is ever answered', (_q, r) => void r.writeHead(200).end(Buffer.alloc(9 * 1024 * 1024, 32))],
  ])('%s', async (_name, handler) => {
    const { client, seen } = await serve(handler);
    expect((await failure(client.secrets.read('a'))).code).toBe('unexpected_answer');
    expect(seen).toHaveLength(1);
  });

  it('a server that does not answer, and one that is not there', async () => {
    const { client, url } = await serve(() => undefined, { timeoutMs: 50 });
    expect(await failure(client.secrets.read('a'))).toMatchObject({ code: 'timed_out', status: 0 });
    servers.pop()?.();
    const { code, message } = await failure(client.secrets.read('a'));
    expect({ code, message }).toEqual({ code: 'unreachable', message: `${url} cannot be reached (ECONNREFUSED)` });
  });
});

describe('503', () => {
  const busy: (until: number, retryAfter: string) => Handler = (until, retryAfter) => (request, response, count) =>
    (count < until ? answer(503, { code: 'sealed' }, { 'retry-after': retryAfter }) : answer(200, { version: count }))(
      request,
      response,
      count,
    );

  it('is tried again when the answer says', async () => {
    const { client } = await serve(busy(3, '0'));
    expect(await client.secrets.read('a')).toEqual({ version: 3 });
    const dated = await serve(busy(2, new Date(0).toUTCString()));
    expect(await dated.client.secrets.read('a')).toEqual({ version: 2 });
  });

  it('not for ever, and not after a wait that nobody has', async () => {
    const { client, seen } = await serve(busy(9, '0'), { retries: 2 });
    expect((await failure(client.secrets.read('a'))).code).toBe('sealed');
    expect(seen).toHaveLength(3);
    const long = await serve(busy(2, '3600'));
    expect((await failure(long.client.secrets.read('a'))).code).toBe('sealed');
    expect(long.seen).toHaveLength(1);
  });

  it('no other refusal is tried again', async () => {
    const { client, seen } = await serve(answer(429, { code: 'rate_limited' }, { 'retry-after': '0' }));
    await failure(client.secrets.read('a'));
    expect(seen).toHaveLength(1);
  });
});

describe('what a client is made with', () => {
  it.each([
    'gatehouse.example.com',
    'ftp://gatehouse.example.com',
    'https://ann:pw@gatehouse.example.com',
    'http://gatehouse.example.com',
    'http://127.0.0.1.example.com',
  ])('not %s', (url) => {
    expect(() => new GatehouseClient({ url, credential: 'k' })).toThrow(TypeError);
  });

  it('plain http only where it is wanted', () => {
    expect(
      () => new GatehouseClient({ url: 'http://vault.internal', credential: 'k', allowPlainHttp: true }),
    ).not.toThrow();
  });

  it('a credential that would break out of its header is refused, and not repeated', async () => {
    const { client, seen } = await serve(answer(200, {}), { credential: 'hunter2\r\nx: y' });
    const error = await failure(client.secrets.read('a'));
    expect(String(error)).not.toContain('hunter2');
    expect(seen).toEqual([]);
  });
});
