import { describe, expect, it } from '@jest/globals';
import { redirectUriFault } from './redirect-uri.js';

describe('redirect URIs that can be registered', () => {
  it.each([
    ['https://app.example/cb', 'web'],
    ['https://app.example/cb?tenant=1', 'web'],
    ['http://127.0.0.1/cb', 'native'],
    ['http://[::1]:8080/cb', 'native'],
    ['http://localhost:3000/cb', 'web'],
    ['com.example.app:/cb', 'native'],
  ] as const)('%s for %s', (uri, kind) => expect(redirectUriFault(uri, kind)).toBeUndefined());

  it.each([
    ['http://app.example/cb', 'web'],
    ['http://127.0.0.1.evil.example/cb', 'native'],
    ['https://app.example/cb#f', 'web'],
    ['https://*.example/cb', 'web'],
    ['https://user@app.example/cb', 'web'],
    ['https://app.example/a/../cb', 'web'],
    ['https://app.example\\@evil.example/cb', 'web'],
    ['javascript:alert(1)', 'native'],
    ['data:text/html,x', 'native'],
    ['com.example.app:/cb', 'web'],
    ['/cb', 'web'],
    ['', 'web'],
  ] as const)('not %s for %s', (uri, kind) => expect(redirectUriFault(uri, kind)).toBeDefined());
});
