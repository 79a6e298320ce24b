import { randomBytes } from 'node:crypto';

/** What text in `Authorization: Bearer` may be. */
export type BearerFamily = 'mas_' | 'mau_' | 'm87_' | 'jwt';

/** What this library can draw at random. */
export type GeneratedFamily = 'mas_' | 'mau_' | 'gst_' | 'gus_';

interface KeyFamily {
  /** Anchored at both ends: a key is the whole text or it is no key. */
  readonly pattern: RegExp;
  /** Narrower than `pattern` where base64url has more texts than there are keys (spare bits of the last character). */
  readonly canonical: RegExp;
  /** Random bytes in a new one; absent where another part makes them. */
  readonly randomBytes?: number;
  readonly bearer: boolean;
}

/** `-` and `_` are payload: a key is never split on them. 40 bytes leave four spare bits, 32 bytes two. */
export const keyFamilies: Readonly<Record<BearerFamily | GeneratedFamily, KeyFamily>> = {
  mas_: {
    pattern: /^mas_[A-Za-z0-9_-]{54}$/,
    canonical: /^mas_[A-Za-z0-9_-]{53}[AQgw]$/,
    randomBytes: 40,
    bearer: true,
  },
  mau_: {
    pattern: /^mau_[A-Za-z0-9_-]{54}$/,
    canonical: /^mau_[A-Za-z0-9_-]{53}[AQgw]$/,
    randomBytes: 40,
    bearer: true,
  },
  m87_: {
    pattern: /^m87_[A-Za-z0-9]{8}\.[A-Za-z0-9]{40}$/,
    canonical: /^m87_[A-Za-z0-9]{8}\.[A-Za-z0-9]{40}$/,
    bearer: true,
  },
  // Two dots, three parts that are not empty: an unsigned token (RFC 7519, 6.1) is not one of ours.
  jwt: {
    pattern: /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/,
    canonical: /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/,
    bearer: true,
  },
  gst_: {
    pattern: /^gst_[A-Za-z0-9_-]{43}$/,
    canonical: /^gst_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
    randomBytes: 32,
    bearer: false,
  },
  // Opens a tenant that sealed itself.
  gus_: {
    pattern: /^gus_[A-Za-z0-9_-]{43}$/,
    canonical: /^gus_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/,
    randomBytes: 32,
    bearer: false,
  },
};

/** Longest bearer credential that is looked at; HTTP servers allow more in a header. */
export const maxBearerLength = 8_192;

const displayLength = 12;
const bearerFamilies = (['mas_', 'mau_', 'm87_', 'jwt'] as const).map((name) => [name, keyFamilies[name]] as const);

/**
 * Which kind of credential a bearer text is, by its form alone; `undefined` if none. A set-up token is none.
 *
 * @example bearerFamily('mas_' + 'A'.repeat(54)) // 'mas_'
 */
export function bearerFamily(text: string): BearerFamily | undefined {
  if (text.length > maxBearerLength) return undefined;
  return bearerFamilies.find(([, family]) => family.pattern.test(text))?.[0];
}

/**
 * A new key: the prefix and 40 random bytes (`mas_`, `mau_`) or 32 (`gst_`, the one-time set-up token; `gus_`, what unseals a tenant) in base64url.
 * Show it once and store its fingerprint.
 *
 * @example generateKey('mas_') // 58 characters, the last one of A Q g w
 */
export const generateKey = (family: GeneratedFamily): string =>
  family + randomBytes(keyFamilies[family].randomBytes ?? 0).toString('base64url');

/** Whether text has the form of a one-time set-up token. */
export const isSetupToken = (text: string): boolean => keyFamilies.gst_.pattern.test(text);

/** Bytes of a tenant's unseal key; undefined for text that is none. */
export const unsealKeyBytes = (text: string): Buffer | undefined =>
  keyFamilies.gus_.pattern.test(text) ? Buffer.from(text.slice('gus_'.length), 'base64url') : undefined;

/**
 * Whether the spare bits of a key are zero, as in every key we make. Import accepts others with a warning: their text
 * is what callers send, so they keep it.
 */
export const isCanonicalKey = (text: string): boolean =>
  text.length <= maxBearerLength && Object.values(keyFamilies).some((family) => family.canonical.test(text));

/**
 * The first 12 characters of a key, which tell keys apart in a list and leave 276 random bits of a `mas_` key unknown.
 * Of a device key it is the public key id. Throws `RangeError` on text of no family, without repeating it.
 */
export function displayPrefix(key: string): string {
  if (!Object.values(keyFamilies).some((family) => family.pattern.test(key))) {
    throw new RangeError('only a key has a display prefix');
  }
  return key.slice(0, displayLength);
}
