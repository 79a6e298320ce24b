import { Agent, request } from 'node:https';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Service, sendRaw, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

let vault: Service;
let gate: TestGateway;

beforeAll(async () => {
  vault = await startService();
  gate = await startTestGateway({
    upstreams: { identity: vault.url, policy: vault.url, vault: vault.url, audit: vault.url },
    env: { RATE_LIMIT_PER_SECOND: '1000', RATE_LIMIT_BURST: '1000' },
  });
});

beforeEach(() => {
  vault.asked.length = 0;
});

afterAll(async () => {
  await gate?.stop();
  await vault?.close();
});

const lines = (...text: string[]) => text.join('\r\n');

describe('LIST, which Node’s parser does not know', () => {
  it('reaches the vault as a GET that lists, with what the gateway knows of the client', async () => {
    const answer = await gate.ask('/v1/secret/metadata/app?after=a', {
      method: 'LIST',
      headers: { 'x-vault-token': 'mas_x', 'x-forwarded-for': '192.0.2.1' },
    });
    expect([answer.status, answer.text, answer.headers.connection]).toEqual([200, '{"from":"service"}', 'close']);
    expect(vault.asked).toMatchObject([{ method: 'GET', url: '/v1/secret/metadata/app?after=a&list=true' }]);
    const { headers } = vault.asked[0] as { headers: Record<string, unknown> };
    expect(headers).toMatchObject({ 'x-vault-token': 'mas_x', 'x-forwarded-proto': 'https' });
    expect(String(headers['x-forwarded-for'])).toMatch(/^(::ffff:)?127\.0\.0\.1$|^::1$/);
  });

  it('works on connections that a client keeps, in turn with other methods', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: gate.ca });
    const ask = (method: string) =>
      new Promise<number>((resolve, reject) => {
        const out = request({ host: 'localhost', port: gate.port, path: '/v1/a', method, agent }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        out.on('error', reject).end(method === 'POST' ? '{}' : undefined);
      });
    for (const method of ['POST', 'LIST', 'GET', 'LIST', 'SCAN', 'POST']) expect(await ask(method)).toBe(200);
    agent.destroy();
    expect(vault.asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /v1/a',
      'GET /v1/a?list=true',
      'GET /v1/a',
      'GET /v1/a?list=true',
      'GET /v1/a?scan=true',
      'POST /v1/a',
    ]);
  });

  it.each([
    ['a body', lines('LIST /v1/a HTTP/1.1', 'Host: localhost', 'Content-Length: 3', '', 'abc')],
    [
      'both lengths',
      lines('LIST /v1/a HTTP/1.1', 'Host: localhost', 'Content-Length: 3', 'Transfer-Encoding: chunked', '', 'abc'),
    ],
    ['two hosts', lines('LIST /v1/a HTTP/1.1', 'Host: localhost', 'Host: other', '', '')],
    ['no host', lines('LIST /v1/a HTTP/1.1', '', '')],
    ['a dot segment', lines('LIST /v1/secret/metadata/../../sys/seal HTTP/1.1', 'Host: localhost', '', '')],
    ['an encoded dot segment', lines('LIST /v1/secret/%2e%2e/sys HTTP/1.1', 'Host: localhost', '', '')],
    ['another address', lines('LIST /api/v1/vault/secrets HTTP/1.1', 'Host: localhost', '', '')],
    [
      'an upgrade',
      lines('LIST /v1/a HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', '', ''),
    ],
  ])('with %s is refused, the connection ends, and the vault is not asked', async (_name, bytes) => {
    expect(await sendRaw(gate, bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(vault.asked).toEqual([]);
  });

  it('hides no second request', async () => {
    const hidden = lines('GET /v1/hidden HTTP/1.1', 'Host: localhost', '', '');
    await sendRaw(gate, lines('LIST /v1/a HTTP/1.1', 'Host: localhost', '', '') + hidden);
    await sendRaw(
      gate,
      lines('LIST /v1/a HTTP/1.1', 'Host: localhost', `Content-Length: ${hidden.length}`, '', hidden),
    );
    expect(vault.asked.map(({ url }) => url)).toEqual(['/v1/a?list=true']);
  });
});
