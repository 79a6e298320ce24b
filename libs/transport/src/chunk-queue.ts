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
    let rest = chunk;
    const tail = this.#blocks.length > this.#head ? this.#blocks[this.#blocks.length - 1] : undefined;
    this.#length += chunk.length;
    if (tail && tail.to < tail.bytes.length) {
      const count = Math.min(rest.length, tail.bytes.length - tail.to);
      tail.bytes.set(count === rest.length ? rest : rest.subarray(0, count), tail.to);
      tail.to += count;
      rest = rest.subarray(count);
    }
    if (rest.length === 0) return;
    const doubled = Math.min(largestBlock, (tail?.bytes.length ?? smallestBlock / 2) * 2);
    const bytes = Buffer.allocUnsafeSlow(Math.max(rest.length, doubled));
    bytes.set(rest);
    this.#blocks.push({ bytes, from: 0, to: rest.length });
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
    this.#head++;
    if (this.#head < this.#blocks.length && this.#head < 32) return;
    this.#blocks = this.#blocks.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#blocks = [];
    this.#head = 0;
    this.#length = 0;
  }
}
