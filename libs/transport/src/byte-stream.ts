/** Why one side gave a stream up: a stable word, and a sentence for people. */
export interface StreamEnd {
  /** `cancelled`, `revoked`, `device_lost`, `refused`, `limit`, `timeout`, `protocol`, `internal`, ... `^[a-z][a-z_]{0,31}$` */
  readonly code: string;
  /** At most 200 characters, no personal datum. */
  readonly detail?: string;
}

/**
 * Bytes both ways, each side ended by itself. The one shape of every layer: a stream of a carrier, a sealed channel over
 * it, a stream that outlives its carrier. Callbacks and not Node's streams: nothing is allocated per chunk.
 *
 * Exactly one of `onEnd` after all data, or `onReset`, is called for the reading side. Callbacks are set in the turn in which
 * the stream was got; until `onData` is set, nothing is read. No callback is called from within a method of the stream.
 */
export interface ByteStream {
  /** The chunk's memory is the callee's only during the call: what is kept is copied. */
  onData: (chunk: Uint8Array) => void;
  /** The peer ended its side: what is written still reaches it. */
  onEnd: () => void;
  /** The peer, or the carrier, gave the stream up in both directions. */
  onReset: (end: StreamEnd) => void;
  /** After `write` returned false: there is room again. */
  onDrain: () => void;
  /** Takes all of the chunk, copying what it must keep. False: wait for `onDrain` before writing more. */
  write(chunk: Uint8Array): boolean;
  /** No more will be written; reading goes on. */
  end(): void;
  /** Gives both directions up. Nothing is called afterwards. */
  reset(end: StreamEnd): void;
  /** No `onData` until `resume`: the peer is slowed down by the window that is left. */
  pause(): void;
  resume(): void;
}

/** How a stream is refused or broken off. */
export class StreamReset extends Error {
  override readonly name = 'StreamReset';
  constructor(readonly end: StreamEnd) {
    super(end.detail ? `${end.code}: ${end.detail}` : end.code);
  }
}
