/**
 * Closed list of what this library refuses at run time. Wrong arguments of our own code are `RangeError`s instead.
 *
 * - `malformed`: not in the format at all (truncated, unknown version, not base64)
 * - `wrong_key`: wrapped under another root key than the one given
 * - `not_authentic`: the tag does not verify: changed bytes, another key, or other additional data
 * - `key_file_missing`, `key_file_exists`: nothing at the path, or something where a new file should go
 * - `key_file_permissions`, `key_file_owner`: others than the owner may read it; neither we nor root own it
 * - `key_file_format`: the content is no key of the expected kind, or one that nobody drew at random
 */
export type CryptoErrorCode =
  | 'malformed'
  | 'wrong_key'
  | 'not_authentic'
  | 'key_file_missing'
  | 'key_file_exists'
  | 'key_file_permissions'
  | 'key_file_owner'
  | 'key_file_format';

/** Carries a stable {@link CryptoErrorCode}. The text may name a path; never a key, a plaintext or a ciphertext. */
export class CryptoError extends Error {
  override readonly name = 'CryptoError';

  constructor(
    readonly code: CryptoErrorCode,
    message: string,
  ) {
    super(message);
  }
}
