import { describe, expect, it } from '@jest/globals';
import { faultOf, faultOfTarget } from './request-guard.js';

const get = { method: 'GET', url: '/api/v1/policy/roles', httpVersion: '1.1', rawHeaders: ['Host', 'localhost'] };
const post = { ...get, method: 'POST' };
const withHeaders = (...rawHeaders: string[]) => ({ rawHeaders: ['Host', 'localhost', ...rawHeaders] });

describe('targets that are passed on', () => {
  it.each([
    '/',
    '/api/v1/audit/entries?from=2026-01-01T00:00:00Z&resource=project/app-web',
    '/api/v1/policy/grants/a..b',
    '/api/v1/policy/grants/...',
    '/api/v1/secrets/team%2Fdatabase',
    '/api/v1/x?q=..%2f..&r=a|b',
    '/.well-known/authzen-configuration',
  ])('%s', (url) => {
    expect(faultOfTarget(url)).toBeUndefined();
  });
});

describe('targets that are refused', () => {
  it.each([
    ['http://evil.example/', 'not a path'],
    ['*', 'not a path'],
    ['/a#b', 'not a path'],
    ['/a b', 'not a path'],
    ['/käse', 'not a path'],
    ['/api/v1/identity/../../metrics', 'dot segment'],
    ['/api/v1/identity/./keys', 'dot segment'],
    ['/api/v1/identity/..', 'dot segment'],
    ['/api/v1/identity/%2e%2e/%2E%2E/metrics', 'dot segment'],
    ['/api/v1/identity/.%2e/metrics', 'dot segment'],
    ['/api/v1/identity/%2e%2e%2fmetrics', 'dot segment'],
    ['/api/v1/identity/..\\..\\metrics', 'backslash'],
    ['/api/v1/identity/..%5cmetrics', 'backslash'],
    ['/api/v1/identity/a%00b', 'control'],
    ['/api/v1/identity/a%0d%0aX:%20y', 'control'],
    ['/api/v1/identity/%', 'percent'],
    ['/api/v1/identity/%c0%ae%c0%ae/metrics', 'percent'],
  ])('%s', (url, reason) => {
    expect(faultOfTarget(url)).toContain(reason);
  });
});

describe('headers', () => {
  it('lets plain requests through', () => {
    expect(faultOf(get)).toBeUndefined();
    expect(faultOf({ ...get, ...withHeaders('Content-Length', '0') })).toBeUndefined();
    expect(faultOf({ ...post, ...withHeaders('Content-Length', '5', 'Authorization', 'Bearer x') })).toBeUndefined();
    expect(faultOf({ ...post, ...withHeaders('Transfer-Encoding', 'Chunked') })).toBeUndefined();
  });

  it.each([
    ['Host', 'other'],
    ['hOsT', 'localhost'],
  ])('refuses a second %s', (name, value) => {
    expect(faultOf({ ...get, ...withHeaders(name, value) })).toBe('The header host is there twice');
  });

  it.each(['Authorization', 'Content-Length', 'Transfer-Encoding', 'Content-Type'])('refuses two of %s', (name) => {
    const twice = withHeaders(name, '1', name.toUpperCase(), '1');
    expect(faultOf({ ...post, ...twice })).toContain('is there twice');
  });

  it.each(['identity', 'gzip, chunked', 'chunked, chunked', 'xchunked', 'chunked '])(
    'refuses the coding %p',
    (coding) => {
      expect(faultOf({ ...post, ...withHeaders('Transfer-Encoding', coding) })).toBe(
        'The transfer coding is not chunked',
      );
    },
  );

  it('refuses a transfer coding in HTTP/1.0', () => {
    const old = { ...post, httpVersion: '1.0', ...withHeaders('Transfer-Encoding', 'chunked') };
    expect(faultOf(old)).toBe('The transfer coding is not chunked');
  });

  it.each([
    ['GET', 'Content-Length', '4'],
    ['HEAD', 'Content-Length', '4'],
    ['GET', 'Transfer-Encoding', 'chunked'],
  ])('refuses a body of %s by %s', (method, name, value) => {
    expect(faultOf({ ...get, method, ...withHeaders(name, value) })).toBe(`A ${method} request has no body here`);
  });
});
