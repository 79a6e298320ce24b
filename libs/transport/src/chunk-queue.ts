import { giveBlock, takeBlock } from './blocks.js';

const smallestBlock = 2_048;
const largestBlock = 65_536;

/** Bytes that wait, in order. What is put in is copied, small pieces into shared blocks; what comes out is a view. */
export class ChunkQueue {
  #blocks: { readonly bytes: Buffer; from: number; to: number }[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const tail = this.#blocks.length > this.#head ? this.#blocks[this.#blocks.length - 1] : undefined;
      if (!tail || tail.to === tail.bytes.length) {
        const size = Math.min(largestBlock, Math.max(smallestBlock, (tail?.bytes.length ?? 0) * 2, chunk.length - at));
        this.#blocks.push({ bytes: takeBlock(size), from: 0, to: 0 });
        continue;
      }
      const count = Math.min(chunk.length - at, tail.bytes.length - tail.to);
      tail.bytes.set(count === chunk.length ? chunk : chunk.subarray(at, at + count), tail.to);
      tail.to += count;
      at += count;
    }
  }

  /** The first bytes that lie together, at most `limit`; valid until the next call of anything here. */
  peek(limit: number): Buffer {
    const block = this.#blocks[this.#head];
    if (!block) return Buffer.alloc(0);
    return block.bytes.subarray(block.from, Math.min(block.to, block.from + limit));
  }

  /** Forgets the first `count` bytes; they were seen by `peek`. */
  skip(count: number): void {
    if (count === 0) return;
    const block = this.#blocks[this.#head];
    if (!block || count > block.to - block.from) throw new RangeError('more than was seen');
    block.from += count;
    this.#length -= count;
    if (block.from < block.to) return;
    giveBlock(block.bytes);
    this.#head++;
    if (this.#head < this.#blocks.length && this.#head < 32) return;
    this.#blocks = this.#blocks.slice(this.#head);
    this.#head = 0;
  }

  /** Somebody may still look at what was peeked: no block is used again. */
  clear(): void {
    this.#blocks = [];
    this.#head = 0;
    this.#length = 0;
  }
}
