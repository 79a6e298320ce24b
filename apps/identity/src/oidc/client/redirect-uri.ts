const loopbacks: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Schemes that a browser runs or reads itself. Private-use schemes have a dot: a name of their owner (RFC 8252, 7.1). */
const privateScheme = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/;

/** Why a redirect URI cannot be registered; undefined when it can. Compared as text later, so it must be plain. */
export function redirectUriFault(text: string, kind: 'web' | 'native' | 'spa' | 'service'): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return 'is no absolute URI';
  if (text.includes('#')) return 'has a fragment';
  if (text.includes('*')) return 'has a wildcard: redirect URIs are compared as they are';
  if (url.username !== '' || url.password !== '') return 'has credentials';
  if (/[\s\\]|\/\.\.?(\/|$)/.test(text)) return 'has blanks, backslashes or dot segments';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:')
    return loopbacks.has(url.hostname) ? undefined : 'is http on another host than loopback';
  if (kind === 'native' && privateScheme.test(url.protocol)) return undefined;
  return 'has a scheme that is not allowed here';
}
