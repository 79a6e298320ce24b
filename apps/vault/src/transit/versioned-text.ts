import { refused } from './transit-problem.js';

/** Bytes under one version of a key. */
export interface Versioned {
  readonly version: number;
  readonly bytes: Buffer;
}

const pattern = /^vault:v([1-9]\d{0,8}):(.+)$/s;

/** Base64 that has exactly one way to be written, so that no change of a text leaves its bytes the same. */
export function strictBase64(text: string, encoding: 'base64' | 'base64url' = 'base64'): Buffer | undefined {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text ? bytes : undefined;
}

/** Base64 of a request. @throws ProblemError naming the member */
export function decoded(text: string, member: string): Buffer {
  const bytes = strictBase64(text);
  if (!bytes) throw refused(`failed to base64-decode ${member}`);
  return bytes;
}

/** `vault:v<version>:<base64>`; signatures of JWS have base64url without padding. */
export const versionedText = ({ version, bytes }: Versioned, encoding: 'base64' | 'base64url' = 'base64'): string =>
  `vault:v${version}:${bytes.toString(encoding)}`;

/** Reverse of {@link versionedText}. @throws ProblemError */
export function parseVersioned(text: string, what: string, encoding: 'base64' | 'base64url' = 'base64'): Versioned {
  const [, version, encoded = ''] = pattern.exec(text) ?? [];
  if (version === undefined) throw refused(`invalid ${what}: it does not begin with vault:v<version>:`);
  const bytes = strictBase64(encoded, encoding);
  if (!bytes) throw refused(`invalid ${what}: could not decode base64`);
  return { version: Number(version), bytes };
}
