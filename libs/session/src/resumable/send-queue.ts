import { giveBlock, takeBlock } from '@gatehouse/transport';

const smallestBlock = 4_096;
const largestBlock = 262_144;

/**
 * What was written and may have to be sent again, by offset. Bytes are copied in once and lie in few blocks, however small the
 * pieces they come in; an idle stream keeps nothing.
 */
export class SendQueue {
  /** Offset of the oldest byte that is kept. */
  base = 0;
  /** Offset behind the newest. */
  end = 0;
  readonly #blocks: Uint8Array[] = [];
  /** Offset at which the first block begins, at most `base`. */
  #start = 0;
  /** How much of the last block is used. */
  #tail = 0;

  append(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const block = this.#room();
      const length = Math.min(chunk.byteLength - at, block.byteLength - this.#tail);
      block.set(at === 0 && length === chunk.byteLength ? chunk : chunk.subarray(at, at + length), this.#tail);
      this.#tail += length;
      this.end += length;
      at += length;
    }
  }

  /** Bytes from `offset` on that lie together, at most `length`: neither is beyond what is kept. Not to be changed. */
  view(offset: number, length: number): Uint8Array {
    if (offset < this.base || offset >= this.end) throw new RangeError('not kept');
    let start = this.#start;
    for (const block of this.#blocks) {
      const within = offset - start;
      if (within < block.byteLength) {
        const used = Math.min(block.byteLength, this.end - start);
        return block.subarray(within, Math.min(within + length, used));
      }
      start += block.byteLength;
    }
    throw new RangeError('not kept');
  }

  /** Bytes before `offset` are needed no more. */
  release(offset: number): void {
    if (offset < this.base || offset > this.end) throw new RangeError('not kept');
    this.base = offset;
    for (let first = this.#blocks[0]; first; first = this.#blocks[0]) {
      if (this.#start + first.byteLength > offset && offset < this.end) return;
      this.#blocks.shift();
      this.#start += first.byteLength;
      giveBlock(first);
    }
    this.#start = this.end;
    this.#tail = 0;
  }

  #room(): Uint8Array {
    const last = this.#blocks.at(-1);
    if (last && this.#tail < last.byteLength) return last;
    const block = takeBlock(Math.min(largestBlock, last ? last.byteLength * 4 : smallestBlock));
    this.#blocks.push(block);
    this.#tail = 0;
    return block;
  }
}
