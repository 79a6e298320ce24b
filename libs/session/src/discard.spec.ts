import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { discard } from './discard.js';

const text = Buffer.alloc(65_519, 2);
const sealed = (length: number): Buffer =>
  createCipheriv('chacha20-poly1305', Buffer.alloc(32, 1), Buffer.alloc(12), { authTagLength: 16 }).update(
    text.subarray(0, length),
  );

describe('memory that nobody reads any more', () => {
  it('is freed at once when it is much', () => {
    const memory = sealed(65_519);
    discard(memory);
    expect(memory.byteLength).toBe(0);
    expect(memory.buffer.byteLength).toBe(0);
  });

  it('is left to the collector when it is little, or shared with others', () => {
    const [little, much] = [sealed(1_000), sealed(65_519)];
    const part = much.subarray(1);
    for (const memory of [little, part]) discard(memory);
    expect(little.byteLength).toBe(1_000);
    expect(part.byteLength).toBe(65_518);
  });

  it('does not pile up outside of the heap, however fast it comes', () => {
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    // In one turn, 256 MiB are made.
    for (let i = 0; i < 4_096; i++) {
      discard(sealed(65_519));
      if (i % 32 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(most).toBeLessThan(16 * 1_048_576);
  });
});
