import { createHmac, randomBytes } from 'node:crypto';

/**
 * What ties a sign-in to one browser: 32 random bytes in its cookie. State, nonce and PKCE verifier are computed from it, so
 * that none of them is stored: whoever reads the table finds nothing to finish a sign-in with.
 */
export const newSignInSecret = (): string => randomBytes(32).toString('base64url');

export const isSignInSecret = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

const derive = (secret: string, purpose: string): string =>
  createHmac('sha256', secret).update(`gatehouse.federation.v1\0${purpose}`).digest('base64url');

/** What goes to the issuer, and what is expected back. The verifier is 43 characters (RFC 7636 4.1). */
export const checksOf = (secret: string) => ({
  state: derive(secret, 'state'),
  nonce: derive(secret, 'nonce'),
  verifier: derive(secret, 'verifier'),
});

// `__Host-`: of this origin only, over TLS only, never set by a neighbour under the same domain.
export const signInCookie = '__Host-gatehouse-federation';

/** `Lax`, since the answer comes as a navigation from the issuer's origin. */
export const setCookie = (secret: string, seconds: number): string =>
  `${signInCookie}=${secret}; Max-Age=${seconds}; Path=/; Secure; HttpOnly; SameSite=Lax`;

export const clearCookie = setCookie('', 0);

/** The secret in a `Cookie` header; undefined when it is absent, ill-formed, or there twice. */
export function readCookie(header: string | undefined): string | undefined {
  const found = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${signInCookie}=`))
    .map((pair) => pair.slice(signInCookie.length + 1));
  const [secret] = found;
  return found.length === 1 && secret !== undefined && isSignInSecret(secret) ? secret : undefined;
}

/**
 * A place on this origin to go back to: a path in ASCII. Not `//host` nor `/\host`, which browsers take for another
 * origin, nor what the parser takes for one.
 */
export function isLocalPath(path: string, publicUrl: string): boolean {
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,511}$/.test(path) || path.includes('#')) return false;
  return URL.canParse(path, publicUrl) && new URL(path, publicUrl).origin === new URL(publicUrl).origin;
}
