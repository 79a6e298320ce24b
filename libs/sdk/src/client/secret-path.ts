/**
 * A path of secrets as part of an address: each segment escaped, the slashes between them kept.
 *
 * @throws RangeError for empty, `.` and `..` segments, which an address would swallow
 */
export function escapedPath(path: string): string {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new RangeError('a path of secrets has no empty segment, and none of dots');
  return segments.map(encodeURIComponent).join('/');
}
