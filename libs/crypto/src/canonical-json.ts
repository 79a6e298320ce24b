import { isWellFormed } from './well-formed.js';

/** Why {@link canonicalJson} refused a value. A cycle has no end, so it is reported as `depth`. */
export type CanonicalJsonErrorCode = 'number' | 'type' | 'lone_surrogate' | 'depth';

/** The value has no canonical JSON form. The text names the kind of fault and never the value itself. */
export class CanonicalJsonError extends TypeError {
  override readonly name = 'CanonicalJsonError';

  constructor(
    readonly code: CanonicalJsonErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Deepest nesting of arrays and objects that {@link canonicalJson} writes. */
export const maxCanonicalDepth = 64;

/** Printable ASCII without quote and backslash: the only text JSON writes as it stands, and nearly all of ours. */
const needsEscape = /[^ !#-[\]-~]/;

function text(value: string): string {
  if (!needsEscape.test(value)) return `"${value}"`;
  if (!isWellFormed(value)) {
    throw new CanonicalJsonError('lone_surrogate', 'text with half a surrogate pair has no UTF-8 form');
  }
  return JSON.stringify(value);
}

/**
 * A text as it stands between its quotes in canonical JSON, for who writes a known form part by part: most texts are
 * themselves there, and nothing is made.
 *
 * @throws CanonicalJsonError for a lone surrogate
 * @example `{"id":"${canonicalText('a"b')}"}` // '{"id":"a\\"b"}'
 */
export const canonicalText = (value: string): string => (needsEscape.test(value) ? text(value).slice(1, -1) : value);

// Events use the same few hundred keys for ever. Bounded, since keys of foreign data come here too.
const keyTexts = new Map<string, string>();
const keyTextsLimit = 1_024;
const cachedKeyLength = 48;

/** The key, quoted, and its colon. */
function keyText(key: string): string {
  const known = keyTexts.get(key);
  if (known !== undefined) return known;
  const fresh = `${text(key)}:`;
  if (keyTexts.size < keyTextsLimit && key.length <= cachedKeyLength) keyTexts.set(key, fresh);
  return fresh;
}

/** Most objects have few keys and some are written in order already: cheaper than `sort` for them. */
function sortKeys(keys: string[]): string[] {
  if (keys.length > 24) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let j = i - 1;
    while (j >= 0 && (keys[j] as string) > key) {
      keys[j + 1] = keys[j] as string;
      j--;
    }
    keys[j + 1] = key;
  }
  return keys;
}

/** A prototype without a prototype is `Object.prototype` of this or another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

function array(value: readonly unknown[], depth: number): string {
  let out = '[';
  for (let i = 0; i < value.length; i++) {
    out += i === 0 ? write(value[i], depth) : `,${write(value[i], depth)}`;
  }
  return `${out}]`;
}

function object(value: Record<string, unknown>, depth: number): string {
  let out = '';
  for (const key of sortKeys(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    out += (out === '' ? '{' : ',') + keyText(key) + write(member, depth);
  }
  return out === '' ? '{}' : `${out}}`;
}

function container(value: object, depth: number): string {
  if (depth >= maxCanonicalDepth) {
    throw new CanonicalJsonError('depth', `nested deeper than ${maxCanonicalDepth} levels, or cyclic`);
  }
  if (Array.isArray(value)) return array(value, depth + 1);
  if (isPlain(value)) return object(value as Record<string, unknown>, depth + 1);
  throw new CanonicalJsonError('type', 'only plain objects and arrays have a canonical form');
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      if (Number.isFinite(value)) return String(value);
      throw new CanonicalJsonError('number', 'NaN and infinities have no JSON form');
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : container(value, depth);
    default:
      throw new CanonicalJsonError('type', `${typeof value} has no JSON form`);
  }
}

/**
 * Canonical JSON of RFC 8785 (JCS): keys in order of their UTF-16 code units, numbers as ECMAScript writes them,
 * shortest escapes, no blanks. Equal data gives equal text, so the UTF-8 bytes of it can be hashed and signed.
 *
 * A property whose value is `undefined` is left out, as `JSON.stringify` does; anywhere else `undefined` is refused,
 * array holes included. Symbols as keys are ignored. `toJSON` is not called: a `Date`, `Map`, `Buffer` or class
 * instance is refused rather than written in a form its reader may not expect.
 *
 * Throws {@link CanonicalJsonError} on NaN, infinities, `undefined`, functions, symbols, bigints, objects that are not
 * plain, lone surrogates (in keys too), cycles, and nesting deeper than {@link maxCanonicalDepth}.
 *
 * @example canonicalJson({ b: 1e21, a: ['€'] }) // '{"a":["€"],"b":1e+21}'
 */
export const canonicalJson = (value: unknown): string => write(value, 0);
