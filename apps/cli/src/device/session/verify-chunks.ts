import { createHash, type Hash } from 'node:crypto';
import type { RecordingChunk } from '../devices-api.js';

export interface ChunkVerdict {
  /** Chunks that are as they were told. */
  readonly proven: number;
  /** Bytes behind the last chunk that was told: a device that died had not told of them yet. */
  readonly beyond: number;
  /** Of the first that is not as it was told, or that is not whole. */
  readonly broken?: number;
}

/** Compares a recording, as it comes, with the hashes that were told while it was made. */
export class ChunkVerifier {
  readonly #chunks: readonly RecordingChunk[];
  #hash: Hash = createHash('sha256');
  #at = 0;
  #filled = 0;
  #beyond = 0;
  #broken: number | undefined;

  /** @param chunks in any order. @throws RangeError unless they are 0, 1, 2, ... */
  constructor(chunks: readonly RecordingChunk[]) {
    this.#chunks = [...chunks].sort((a, b) => a.index - b.index);
    if (this.#chunks.some(({ index }, i) => index !== i)) throw new RangeError('a chunk is missing, or told twice');
  }

  take(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const chunk = this.#chunks[this.#at];
      if (!chunk) {
        this.#beyond += rest.length;
        return;
      }
      const piece = rest.subarray(0, chunk.bytes - this.#filled);
      this.#hash.update(piece);
      this.#filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#filled === chunk.bytes) this.#close(chunk);
    }
  }

  end(): ChunkVerdict {
    const isWhole = this.#at === this.#chunks.length;
    const broken = this.#broken ?? (isWhole ? undefined : this.#at);
    return { proven: broken ?? this.#at, beyond: this.#beyond, ...(broken !== undefined && { broken }) };
  }

  #close({ index, sha256 }: RecordingChunk): void {
    if (this.#hash.digest('hex') !== sha256) this.#broken ??= index;
    this.#hash = createHash('sha256');
    this.#filled = 0;
    this.#at++;
  }
}
