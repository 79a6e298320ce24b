export type NoiseErrorCode = 'handshake_failed' | 'decryption_failed' | 'message_too_long' | 'exhausted';

/** Something that was received does not hold, or a limit is reached. Nothing of it is told apart for the peer. */
export class NoiseError extends Error {
  override readonly name = 'NoiseError';
  constructor(readonly code: NoiseErrorCode) {
    super(code);
  }
}

/** One side of a Noise IK handshake (Noise 5.3; `Noise_IK_25519_ChaChaPoly_BLAKE2s`, and one prologue of ours). */
export interface Handshake {
  /** The next message with `payload` sealed in it. */
  write(payload: Uint8Array): Uint8Array;
  /** The payload of the peer's next message. @throws NoiseError `handshake_failed` */
  read(message: Uint8Array): Uint8Array;
  /** The peer's static key, once known: 32 bytes. */
  readonly remoteStatic: Uint8Array | undefined;
  /** After the last message. */
  transport(): Transport;
}

/** What both sides share afterwards. Rekeys itself by bytes and time in step with the peer. */
export interface Transport {
  /** Handshake hash: names this channel (Noise 11.2). 32 bytes. */
  readonly channelBinding: Uint8Array;
  /** Writes the sealed record of `plain` (at most 65,519 bytes) to `into` at `offset`; returns its length. */
  seal(plain: Uint8Array, into: Uint8Array, offset: number): number;
  /** Opens one record in order, into `into` at `offset`; returns the length. @throws NoiseError `decryption_failed` */
  open(record: Uint8Array, into: Uint8Array, offset: number): number;
}
