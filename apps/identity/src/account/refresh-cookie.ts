import { type HttpRequest, ProblemError } from '@gatehouse/http';
import { parseCookie, stringifySetCookie } from 'cookie';

/** `__Host-`: browsers take it over HTTPS only, from this host only and for all of it (RFC 6265bis, 4.1.3.2). */
const name = '__Host-gatehouse_refresh';
const options = { httpOnly: true, secure: true, sameSite: 'strict', path: '/' } as const;

export const refreshCookie = (token: string, maxAgeSeconds: number): string =>
  stringifySetCookie(name, token, { ...options, maxAge: maxAgeSeconds });

export const noRefreshCookie = (): string => stringifySetCookie(name, '', { ...options, maxAge: 0 });

/**
 * The refresh token of the cookie, if there is one. A cookie is sent whoever made the browser send it, so the request
 * must show that a page of this origin made it: a header that no form can set, and that a script of another origin sets
 * only after asking (CORS), which nobody here allows.
 *
 * @throws ProblemError `cross_site_refused`
 */
export function tokenOfCookie(request: HttpRequest): string | undefined {
  const token = parseCookie(request.headers.cookie ?? '')[name];
  if (token === undefined || token === '') return undefined;
  refuseCrossSite(request);
  return token;
}

/** @throws ProblemError `cross_site_refused` */
export function refuseCrossSite({ headers }: HttpRequest): void {
  const site = headers['sec-fetch-site'];
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  if (headers['x-gatehouse-request'] === undefined || !isOwn) throw new ProblemError('cross_site_refused');
}
