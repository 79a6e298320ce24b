import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Service, sendRaw, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

let service: Service;
let gate: TestGateway;

beforeAll(async () => {
  service = await startService();
  gate = await startTestGateway({
    upstreams: { identity: service.url, policy: service.url, vault: service.url, audit: service.url },
  });
});

beforeEach(() => {
  service.asked.length = 0;
});

afterAll(async () => {
  await gate?.stop();
  await service?.close();
});

const lines = (...text: string[]) => text.join('\r\n');
const hidden = lines('GET /api/v1/identity/hidden HTTP/1.1', 'Host: localhost', '', '');

/** Each is one request with a second one hidden in what somebody might take for its body or its end. */
const smuggled: readonly [string, string][] = [
  [
    'both lengths',
    lines(
      'POST /api/v1/identity/a HTTP/1.1',
      'Host: localhost',
      'Content-Length: 6',
      'Transfer-Encoding: chunked',
      '',
      '0',
      '',
      hidden,
    ),
  ],
  [
    'two lengths',
    lines('POST /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Content-Length: 0', 'Content-Length: 60', '', hidden),
  ],
  ['a signed length', lines('POST /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Content-Length: +4', '', hidden)],
  [
    'an obscured coding',
    lines('POST /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: xchunked', '', '0', '', hidden),
  ],
  [
    'a doubled coding',
    lines(
      'POST /api/v1/identity/a HTTP/1.1',
      'Host: localhost',
      'Transfer-Encoding: chunked, identity',
      '',
      '0',
      '',
      hidden,
    ),
  ],
  [
    'a space before the colon',
    lines('POST /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Transfer-Encoding : chunked', '', '0', '', hidden),
  ],
  [
    'a folded header',
    lines('POST /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Transfer-Encoding:', ' chunked', '', '0', '', hidden),
  ],
  ['a lone line feed', 'POST /api/v1/identity/a HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n'],
  [
    'a body of GET',
    lines('GET /api/v1/identity/a HTTP/1.1', 'Host: localhost', `Content-Length: ${hidden.length}`, '', hidden),
  ],
  ['two hosts', lines('GET /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'Host: internal', '', '')],
  ['no host', lines('GET /api/v1/identity/a HTTP/1.1', '', '')],
  ['the absolute form', lines('GET http://internal/api/v1/identity/a HTTP/1.1', 'Host: localhost', '', '')],
  [
    'an upgrade to HTTP/2',
    lines(
      'GET /api/v1/identity/a HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAA',
      '',
      '',
    ),
  ],
  [
    'a chunk size that is none',
    lines(
      'POST /api/v1/identity/a HTTP/1.1',
      'Host: localhost',
      'Transfer-Encoding: chunked',
      '',
      '0x5',
      'hello',
      '0',
      '',
      hidden,
    ),
  ],
  ['a null byte in a header', lines('GET /api/v1/identity/a HTTP/1.1', 'Host: localhost', 'X-A: a\0b', '', '')],
];

describe('requests that two servers could read differently', () => {
  it.each(smuggled)('%s: refused, the connection ends, and no service sees the hidden one', async (_name, bytes) => {
    const answer = await sendRaw(gate, bytes);
    // What Node's parser finds behind the refused request it may refuse too; nobody reads on after `close`.
    const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));
    expect(statuses.length).toBeGreaterThan(0);
    expect(statuses.every((status) => status >= 400 && status < 500)).toBe(true);
    expect(answer.slice(0, answer.indexOf('\r\n\r\n')).toLowerCase()).toContain('connection: close');
    expect(service.asked.filter(({ url }) => url.includes('hidden'))).toEqual([]);
  });

  it('CONNECT opens nothing', async () => {
    const answer = await sendRaw(gate, lines('CONNECT internal:80 HTTP/1.1', 'Host: internal:80', '', '')).catch(
      () => '',
    );
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    expect(service.asked).toEqual([]);
  });

  it('pipelined plain requests are each answered in turn', async () => {
    const one = (path: string, connection: string) =>
      lines(`GET ${path} HTTP/1.1`, 'Host: localhost', `Connection: ${connection}`, '', '');
    const answer = await sendRaw(gate, one('/api/v1/identity/1', 'keep-alive') + one('/api/v1/identity/2', 'close'));
    expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(service.asked.map(({ url }) => url).sort()).toEqual(['/api/v1/identity/1', '/api/v1/identity/2']);
  });

  it('a body is framed anew: the service sees the gateway’s length, whatever the client’s chunks were', async () => {
    const chunked = lines(
      'POST /api/v1/identity/a HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      'Transfer-Encoding: chunked',
      '',
      '5;name="value"',
      'hello',
      '0',
      'X-Trailer: dropped',
      '',
      '',
    );
    expect(await sendRaw(gate, chunked)).toMatch(/^HTTP\/1\.1 200 /);
    expect(service.asked[0]).toMatchObject({ body: 'hello' });
    expect(service.asked[0]?.headers['x-trailer']).toBeUndefined();
  });
});
