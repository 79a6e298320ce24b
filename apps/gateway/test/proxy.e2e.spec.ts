import { createServer, type IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Service, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

let identity: Service;
let policy: Service;
let vault: Service;
let audit: Service;
let gate: TestGateway;

beforeAll(async () => {
  [identity, policy, vault, audit] = await Promise.all([
    startService(),
    startService(),
    startService(),
    startService(),
  ]);
  const upstreams = { identity: identity.url, policy: policy.url, vault: vault.url, audit: audit.url };
  gate = await startTestGateway({ upstreams, env: { BODY_LIMIT_BYTES: '200000', UPSTREAM_TIMEOUT_MS: '1500' } });
});

beforeEach(() => {
  for (const service of [identity, policy, vault, audit]) {
    service.asked.length = 0;
    service.answer = (_request, response) => response.setHeader('content-type', 'application/json').end('{"ok":true}');
  }
});

afterAll(async () => {
  await gate?.stop();
  await Promise.all([identity, policy, vault, audit].map((service) => service?.close()));
});

const json = (document: unknown) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});

describe('the table of routes', () => {
  it.each([
    ['/api/v1/identity/keys?limit=2&cursor=a%2Fb', () => identity, '/api/v1/identity/keys?limit=2&cursor=a%2Fb'],
    ['/api/v1/policy/grants/abc', () => policy, '/api/v1/policy/grants/abc'],
    ['/api/v1/audit/entries?decision=false', () => audit, '/api/v1/audit/entries?decision=false'],
    ['/access/v1/evaluation', () => policy, '/access/v1/evaluation'],
    ['/access/v1/search/subject', () => policy, '/access/v1/search/subject'],
    ['/.well-known/authzen-configuration', () => policy, '/.well-known/authzen-configuration'],
    ['/.well-known/authzen-configuration/acme', () => policy, '/.well-known/authzen-configuration/acme'],
    ['/api/v1/vault/seal', () => vault, '/api/v1/vault/seal'],
    ['/v1/secret/data/production/DATABASE_URL', () => vault, '/v1/secret/data/production/DATABASE_URL'],
    ['/openapi/vault.json', () => vault, '/openapi.json'],
    ['/openapi/audit.json', () => audit, '/openapi.json'],
  ])('%s goes to its service, unchanged', async (path, service, expected) => {
    const answer = await gate.ask(path);
    expect([answer.status, answer.text]).toEqual([200, '{"ok":true}']);
    expect(service().asked.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${expected}`]);
  });

  it.each([
    '/api/v1/identity',
    '/api/v1/nothing/keys',
    '/api/v2/identity/keys',
    '/API/V1/identity/keys',
    '//api/v1/identity/keys',
    '/livez/../api',
    '/openapi/other.json',
    '/.well-known/webfinger',
    '/v2/secret',
    '/index.html',
  ])('%s is nobody’s: 404 or 400 as a problem document, and no service is asked', async (path) => {
    const answer = await gate.ask(path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect([...identity.asked, ...policy.asked, ...vault.asked, ...audit.asked]).toEqual([]);
  });

  it.each(['/livez', '/readyz', '/metrics', '/openapi.json'])('%s of a service cannot be reached', async (path) => {
    await gate.ask(path);
    await gate.ask(`/api/v1/identity/..${path}`);
    await gate.ask(`/api/v1/identity/%2e%2e/%2e%2e/%2e%2e${path}`);
    expect(identity.asked).toEqual([]);
  });

  it('passes on every method and its body, and answers HEAD without one', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      await gate.ask('/api/v1/identity/keys', { ...json({ method }), method });
    }
    expect(identity.asked.map(({ method, body }) => [method, body])).toEqual(
      ['POST', 'PUT', 'PATCH', 'DELETE'].map((method) => [method, JSON.stringify({ method })]),
    );
    const head = await gate.ask('/api/v1/identity/keys', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect(identity.asked.at(-1)?.method).toBe('HEAD');
  });

  it('takes no changes where only reading makes sense', async () => {
    expect((await gate.ask('/.well-known/authzen-configuration', json({}))).status).toBe(404);
    expect((await gate.ask('/.well-known/authzen-configuration/acme', json({}))).status).toBe(404);
    expect(policy.asked).toEqual([]);
  });
});

describe('headers', () => {
  it('are the client’s without what is not his to say; address, protocol, host, request and trace are the gateway’s', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await gate.ask('/api/v1/identity/me', {
      headers: {
        authorization: 'Bearer x',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-host': 'evil.example',
        forwarded: 'for=203.0.113.9',
        'x-request-id': 'my-request-1',
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
        connection: 'keep-alive, x-secret-hop',
        'x-secret-hop': '1',
        te: 'trailers',
      },
    });
    const headers: IncomingHttpHeaders = identity.asked[0]?.headers ?? {};
    expect(headers).toMatchObject({
      authorization: 'Bearer x',
      host: new URL(identity.url).host,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': `localhost:${gate.port}`,
      'x-request-id': 'my-request-1',
      via: '1.1 gatehouse',
    });
    expect(headers.traceparent).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
    expect(headers.forwarded).toBeUndefined();
    expect(headers['x-secret-hop']).toBeUndefined();
    expect(headers.te).toBeUndefined();
  });

  it('of an answer are the service’s, over the gateway’s own, without hop-by-hop ones', async () => {
    identity.answer = (_request, response) => {
      response.writeHead(201, {
        'content-type': 'application/json',
        'cache-control': 'max-age=5',
        etag: '"3"',
        connection: 'keep-alive, x-hop',
        'x-hop': '1',
        'set-cookie': ['a=1', 'b=2'],
      });
      response.end('{}');
    };
    const { status, headers } = await gate.ask('/api/v1/identity/me', { headers: { 'x-request-id': 'my-request-2' } });
    expect(status).toBe(201);
    expect(headers).toMatchObject({
      'cache-control': 'max-age=5',
      etag: '"3"',
      'set-cookie': ['a=1', 'b=2'],
      'x-request-id': 'my-request-2',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['x-hop']).toBeUndefined();
  });

  it('over the limit are refused', async () => {
    const answer = await gate.ask('/api/v1/identity/me', { headers: { 'x-big': 'a'.repeat(20_000) } });
    expect([answer.status, answer.json().code]).toEqual([431, 'headers_too_large']);
  });
});

describe('answers', () => {
  it('that are problem documents pass unchanged', async () => {
    const document =
      '{"type":"urn:gatehouse:problem:key_name_taken","status":409,"code":"key_name_taken","traceId":"t"}';
    identity.answer = (_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json', 'retry-after': '7' });
      response.end(document);
    };
    const answer = await gate.ask('/api/v1/identity/keys', json({}));
    expect([answer.status, answer.text, answer.headers['retry-after']]).toEqual([409, document, '7']);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('stream: the first bytes arrive before the last are made', async () => {
    let goOn: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    audit.answer = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('first');
      await first;
      response.end('last');
    };
    const text = await new Promise<string>((resolve, reject) => {
      let seen = '';
      request({ host: 'localhost', port: gate.port, path: '/api/v1/audit/x', ca: gate.ca }, (response) => {
        response.on('data', (chunk: Buffer) => {
          if (seen === '') goOn();
          seen += String(chunk);
        });
        response.on('end', () => resolve(seen));
      })
        .on('error', reject)
        .end();
    });
    expect(text).toBe('firstlast');
  });

  it('that break off, break off here too', async () => {
    audit.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => response.destroy());
    };
    await expect(gate.ask('/api/v1/audit/x')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  it('that do not come in time become 503, and the service is let go', async () => {
    let left = false;
    audit.answer = (request) => void request.socket.once('close', () => (left = true));
    const answer = await gate.ask('/api/v1/audit/slow');
    expect([answer.status, answer.json().code]).toEqual([503, 'timeout']);
    await waitFor(() => left);
  });

  it('nobody waits for are not waited for: the service notices that the client went away', async () => {
    let left = false;
    audit.answer = (incoming) => {
      incoming.socket.once('close', () => (left = true));
      out.destroy();
    };
    const out = request({ host: 'localhost', port: gate.port, path: '/api/v1/audit/x', ca: gate.ca });
    out.on('error', () => undefined).end();
    await waitFor(() => left);
  });
});

describe('bodies', () => {
  it('of every size up to the limit arrive whole, also without a length', async () => {
    for (const size of [0, 1, 65_536, 65_537, 200_000]) {
      const body = Buffer.alloc(size, 'x');
      await gate.ask('/api/v1/identity/a', { method: 'POST', body, headers: { 'content-length': size } });
      await gate.ask('/api/v1/identity/b', { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } });
      expect(identity.asked.splice(0).map((asked) => asked.body.length)).toEqual([size, size]);
    }
  });

  it('over the limit are 413, by their length before they are read, without one as soon as they are over', async () => {
    const body = Buffer.alloc(200_001, 'x');
    const declared = await gate
      .ask('/api/v1/identity/a', { method: 'POST', headers: { 'content-length': 200_001 } })
      .catch((error: Error) => error);
    expect(declared).toMatchObject({ status: 413, headers: { connection: 'close' } });
    const chunked = await gate.ask('/api/v1/identity/a', {
      method: 'POST',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect([chunked.status, chunked.json().code]).toEqual([413, 'payload_too_large']);
    expect(identity.asked).toEqual([]);
  });

  it('are framed for the service whatever the client says of them', async () => {
    const body = 'GET /api/v1/identity/hidden HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const chunked = { method, body, headers: { 'transfer-encoding': 'chunked' } };
      const dropped = { method, body, headers: { connection: 'content-length' } };
      for (const options of [chunked, dropped]) await gate.ask('/api/v1/identity/a', options);
      expect(identity.asked.splice(0).map((asked) => [asked.method, asked.body])).toEqual(
        Array(2).fill([method, body]),
      );
    }
  });

  it('may be refused by the service before it has read them', async () => {
    const refusing = createServer((_request, response) => {
      response.writeHead(413, { 'content-type': 'application/problem+json', connection: 'close' });
      response.end('{"code":"payload_too_large"}');
    });
    const port = Number(new URL(audit.url).port);
    await audit.close();
    await new Promise<void>((resolve) => refusing.listen(port, '127.0.0.1', resolve));
    const answer = await gate.ask('/api/v1/audit/a', { method: 'POST', body: Buffer.alloc(20_000, 'x') });
    expect([answer.status, answer.text]).toEqual([413, '{"code":"payload_too_large"}']);
    await new Promise((resolve) => refusing.close(resolve));
    audit = await startService(port);
  });
});

describe('a service that is down', () => {
  it('is 503 with Retry-After and the name of the service, and others go on; it is used again as soon as it is back', async () => {
    const port = Number(new URL(audit.url).port);
    await audit.close();
    const answer = await gate.ask('/api/v1/audit/entries', json({}));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(answer.json()).toMatchObject({ code: 'unavailable', detail: 'The audit service cannot be reached' });
    expect((await gate.ask('/api/v1/identity/me')).status).toBe(200);
    expect((await gate.ask('/readyz')).status).toBe(200);
    const { services } = (await gate.ask('/status')).json<{ services: object }>();
    // Of the registry and the relay there are none here.
    const away = { audit: 'unreachable', registry: 'unreachable', relay: 'unreachable' };
    expect(services).toEqual({ identity: 'ready', policy: 'ready', vault: 'ready', ...away });
    audit = await startService(port);
    expect((await gate.ask('/api/v1/audit/entries')).status).toBe(200);
  });

  it('that breaks off a change says that it may have been made; a read on a kept connection is tried again', async () => {
    await gate.ask('/api/v1/policy/roles');
    policy.answer = (request) => void request.socket.destroy();
    const change = await gate.ask('/api/v1/policy/grants', json({}));
    expect(change.json()).toMatchObject({ status: 503, detail: expect.stringContaining('look before you repeat it') });
    expect(policy.asked.filter(({ method }) => method === 'POST')).toHaveLength(1);

    policy.answer = (_request, response) => void response.end('{}');
    await gate.ask('/api/v1/policy/roles');
    let broken = 0;
    policy.answer = (request, response) => {
      if (broken++ === 0) request.socket.resetAndDestroy();
      else response.end('{}');
    };
    expect((await gate.ask('/api/v1/policy/roles')).status).toBe(200);
    expect(broken).toBe(2);
  });

  it('that does not speak HTTP is 503', async () => {
    policy.answer = (request) => void request.socket.end('HTTP/1.1 abc\r\n\r\n');
    expect((await gate.ask('/access/v1/evaluation', json({}))).status).toBe(503);
  });
});
