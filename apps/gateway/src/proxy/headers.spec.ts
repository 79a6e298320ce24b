import { describe, expect, it } from '@jest/globals';
import { requestHeaders, responseHeaders } from './headers.js';

const facts = {
  ip: '192.0.2.7',
  host: 'gate.example:8443',
  upstreamHost: '127.0.0.1:7100',
  requestId: 'request-1',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
};
const written = {
  host: '127.0.0.1:7100',
  via: '1.1 gatehouse',
  'x-forwarded-for': '192.0.2.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'gate.example:8443',
  'x-request-id': 'request-1',
  traceparent: facts.traceparent,
};

describe('requestHeaders', () => {
  it('passes on what is the client’s to say', () => {
    const headers = {
      authorization: 'Bearer x',
      'content-type': 'application/json',
      'if-match': '"3"',
      'idempotency-key': 'abcdefgh',
      accept: '*/*',
      tracestate: 'a=b',
    };
    expect(requestHeaders({ host: 'gate.example:8443', ...headers }, facts)).toEqual({ ...headers, ...written });
  });

  it('drops what only a proxy may say, and writes it anew', () => {
    const forged = {
      forwarded: 'for=10.0.0.1',
      via: '1.0 elsewhere',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-port': '1',
      'x-forwarded-prefix': '/x',
      'x-real-ip': '10.0.0.1',
      'true-client-ip': '10.0.0.1',
      'x-original-url': '/metrics',
      'x-request-id': 'forged',
      traceparent: 'forged',
      expect: '100-continue',
      'content-length': '2',
    };
    expect(requestHeaders({ host: 'evil.example', ...forged }, facts)).toEqual(written);
  });

  it('drops hop-by-hop headers and those that Connection names', () => {
    const hop = {
      connection: 'Keep-Alive, X-Private , upgrade',
      'keep-alive': 'timeout=5',
      'proxy-connection': 'keep-alive',
      'proxy-authorization': 'Basic x',
      te: 'trailers',
      trailer: 'x-sum',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAARAAAAA',
      'x-private': 'yes',
    };
    expect(requestHeaders({ host: 'x', ...hop }, facts)).toEqual(written);
  });

  it('cannot be made to drop what the gateway writes', () => {
    const connection = 'x-forwarded-for, x-request-id, host, via, traceparent';
    expect(requestHeaders({ host: 'x', connection }, facts)).toEqual(written);
  });
});

describe('responseHeaders', () => {
  it('keeps the service’s headers over the gateway’s own, without hop-by-hop ones', () => {
    const incoming = {
      'content-type': 'application/problem+json',
      'cache-control': 'max-age=5',
      'retry-after': '3',
      'set-cookie': ['a=1', 'b=2'],
      connection: 'keep-alive, x-hop',
      'keep-alive': 'timeout=72',
      'transfer-encoding': 'chunked',
      'x-hop': '1',
    };
    expect(responseHeaders(incoming, { 'cache-control': 'no-store', 'x-request-id': 'r' })).toEqual({
      'content-type': 'application/problem+json',
      'cache-control': 'max-age=5',
      'retry-after': '3',
      'set-cookie': ['a=1', 'b=2'],
      'x-request-id': 'r',
    });
  });
});
