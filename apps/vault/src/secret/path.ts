/** Bytes of a path, and its segments. */
export const pathLimits = { bytes: 512, segments: 64 } as const;

/** Names that can be mounted at `/run/secrets/NAME.secret` and referenced as `{{ secret.NAME }}`. */
export const referenceablePattern = /^[A-Za-z0-9_]{1,128}$/;

/** A key or a token: names are listed and recorded, so one that somebody pasted into the wrong place must not become one. */
export const credentialPattern = /ma[su]_[A-Za-z0-9_-]{54}|m87_[A-Za-z0-9]{8}\.[A-Za-z0-9]{40}|eyJ[\w-]+\.eyJ[\w-]+\./;

/** What is wrong with a path, or undefined. */
export function pathFault(path: string): string | undefined {
  if (path.length === 0) return 'is empty';
  if (Buffer.byteLength(path) > pathLimits.bytes) return `has more than ${pathLimits.bytes} bytes`;
  if (/[\p{Cc}\p{Cs}]/u.test(path)) return 'has a control character';
  // One name, one text: a rule about what is seen must not miss what is stored.
  if (/\p{Cf}/u.test(path)) return 'has a character that cannot be seen';
  if (path.normalize('NFC') !== path) return 'is not in Unicode normal form C';
  if (credentialPattern.test(path)) return 'holds a key or a token';
  const segments = path.split('/');
  if (segments.length > pathLimits.segments) return `has more than ${pathLimits.segments} segments`;
  if (segments.includes('')) return 'has an empty segment';
  return segments.some((segment) => segment === '.' || segment === '..') ? 'has a segment of dots only' : undefined;
}

/** `<scope>/<name>`: what stands before the last slash, which may be nothing, and after it. */
export function splitPath(path: string): { readonly scope: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { scope: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

export const isReferenceable = (path: string): boolean => referenceablePattern.test(splitPath(path).name);

const noScope = '-';
const scheme = 'secret://';

/**
 * `secret://<tenant>/<scope>/<name in lower case>`; null for a name that cannot be referenced.
 *
 * @example referenceOf('acme', 'production/DATABASE_URL') // 'secret://acme/production/database_url'
 */
export function referenceOf(tenantId: string, path: string): string | null {
  const { scope, name } = splitPath(path);
  if (!referenceablePattern.test(name)) return null;
  return `${scheme}${tenantId}/${scope || noScope}/${name.toLowerCase()}`;
}

/** The parts of a reference; undefined if it is none. `scope` is empty for `-`. */
export function parseReference(
  text: string,
): { readonly tenantId: string; readonly scope: string; readonly name: string } | undefined {
  const parts = /^secret:\/\/([^/]{1,63})\/(.{1,512})\/([a-z0-9_]{1,128})$/su.exec(text);
  const [, tenantId, scope, name] = parts ?? [];
  if (tenantId === undefined || scope === undefined || name === undefined) return undefined;
  return { tenantId, scope: scope === noScope ? '' : scope, name };
}
