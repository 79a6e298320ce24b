export type NoiseErrorCode =
  | 'handshake_failed'
  | 'decryption_failed'
  | 'message_too_long'
  | 'out_of_turn'
  | 'exhausted';

/**
 * Something that was received does not hold, or a limit is reached. A peer learns nothing of which check failed: what was
 * forged and what was cut short are one code.
 */
export class NoiseError extends Error {
  override readonly name = 'NoiseError';
  constructor(readonly code: NoiseErrorCode) {
    super(code);
  }
}

/** Longest handshake message, and longest record (Noise 3). */
export const maxMessageBytes = 65_535;
export const keyBytes = 32;
export const tagBytes = 16;

/** Memory of its own: `slice` of a Buffer, which is a Uint8Array too, would be a view. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** X25519, 32 bytes each. */
export interface KeyPair {
  readonly secret: Uint8Array;
  readonly public: Uint8Array;
}

/** What a platform may do faster than `noblePrimitives`, which run everywhere. */
export interface Primitives {
  /** BLAKE2s (RFC 7693) of both, one behind the other: 32 bytes. */
  hash(first: Uint8Array, second: Uint8Array): Uint8Array;
  /** HMAC (RFC 2104) of BLAKE2s. */
  authenticate(key: Uint8Array, data: Uint8Array): Uint8Array;
  generateKeyPair(): KeyPair;
  /** @throws NoiseError `handshake_failed` for a public key of small order */
  agree(own: KeyPair, publicKey: Uint8Array): Uint8Array;
  /**
   * ChaCha20-Poly1305 (RFC 8439): what is sealed and its tag, into `into` at `offset`; returns the length of both. What is sealed is
   * `head` and then `text`, so that nobody has to put them together.
   */
  seal(place: SealPlace, text: Uint8Array, into: Uint8Array, offset: number, head?: Uint8Array): number;
  /** The text, or undefined when the tag is wrong. The memory may be used again by the next call. */
  open(place: SealPlace, sealed: Uint8Array): Uint8Array | undefined;
  /** What `open` gave is not read any more. */
  forget?(text: Uint8Array): void;
}

export interface SealPlace {
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  readonly additionalData: Uint8Array;
}
