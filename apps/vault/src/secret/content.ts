/** Content of a version: the `data` of the KV dialect. Our own API's single value is `value`, or `value_base64` for bytes. */
export type SecretData = Readonly<Record<string, unknown>>;

/** What is sealed: JSON of the content. */
export const encodeData = (data: SecretData): Buffer => Buffer.from(JSON.stringify(data), 'utf8');

export const decodeData = (bytes: Uint8Array): SecretData =>
  JSON.parse(Buffer.from(bytes).toString('utf8')) as SecretData;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Applies a merge patch (RFC 7396): null removes a member, objects are merged, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // Members from a map and not by assignment: `__proto__` is a name like any other.
  const merged = new Map<string, unknown>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

/** The names without the values: leaves are null. Objects deeper than `depth` count as leaves; 0 for no limit. */
export function subkeysOf(data: unknown, depth = 0): unknown {
  if (!isObject(data) || Object.keys(data).length === 0) return null;
  const entries = Object.entries(data);
  return Object.fromEntries(entries.map(([name, value]) => [name, depth === 1 ? null : subkeysOf(value, depth - 1)]));
}
