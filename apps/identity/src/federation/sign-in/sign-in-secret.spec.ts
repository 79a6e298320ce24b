import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checksOf, isLocalPath, newSignInSecret, readCookie, setCookie, signInCookie } from './sign-in-secret.js';

describe('the secret of a sign-in', () => {
  it('gives three values that differ, always the same, and that do not tell it', () => {
    const secret = newSignInSecret();
    const checks = checksOf(secret);
    expect(checksOf(secret)).toEqual(checks);
    expect(new Set([secret, ...Object.values(checks)]).size).toBe(4);
    // RFC 7636 4.1: 43 to 128 unreserved characters.
    expect(checks.verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('is read from its own cookie, once and whole', () => {
    const secret = newSignInSecret();
    expect(readCookie(`a=b; ${signInCookie}=${secret}; c=d`)).toBe(secret);
    const twice = `${signInCookie}=${secret}; ${signInCookie}=${newSignInSecret()}`;
    for (const wrong of [undefined, '', `x${signInCookie}=${secret}`, `${signInCookie}=short`, twice])
      expect(readCookie(wrong)).toBeUndefined();
    expect(setCookie(secret, 60)).toMatch(/; Max-Age=60; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  });
});

describe('a place to come back to', () => {
  const home = 'https://gatehouse.example.org';

  it('is on this origin for every text that is taken', () => {
    const slashes = fc.constantFrom('/', '//', '/\\', '/%2f', '/..//', '\\', '/\t/');
    fc.assert(
      fc.property(slashes, fc.webUrl(), fc.string(), (start, url, end) => {
        for (const text of [start + url, start + end, url])
          if (isLocalPath(text, home)) expect(new URL(text, home).origin).toBe(home);
      }),
    );
  });

  it.each(['/', '/a/b?c=d&e=%20f', '/..'])('may be %s', (path) => expect(isLocalPath(path, home)).toBe(true));
});
