import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { giveBlock, takeBlock } from './blocks.js';

const mostSpare = 32 << 20;
const largest = 262_144;

describe('blocks of memory', () => {
  beforeAll(() => void jest.useFakeTimers());
  afterAll(() => void jest.useRealTimers());
  /** Long enough for everything that nobody needs to be gone. */
  beforeEach(() => void jest.advanceTimersByTime(3_000));

  it.each([
    [1, 2_048],
    [2_048, 2_048],
    [2_049, 4_096],
    [65_537, 131_072],
    [largest, largest],
  ])('for %d bytes have %d', (bytes, size) => {
    expect(takeBlock(bytes).length).toBe(size);
  });

  it('are of 256 KiB at most', () => {
    expect(() => takeBlock(largest + 1)).toThrow(RangeError);
  });

  it('are used again, and only whole ones', () => {
    const block = takeBlock(10_000);
    giveBlock(block);
    giveBlock(block.subarray(0, 8_192));
    giveBlock(Buffer.alloc(10_000));
    giveBlock(Buffer.alloc(0));
    expect(takeBlock(8_192).buffer).not.toBe(block.buffer);
    expect(takeBlock(16_384)).toBe(block);
    expect(takeBlock(16_384)).not.toBe(block);
  });

  it('wait for their next user up to a bound', () => {
    const count = mostSpare / largest;
    const blocks = Array.from({ length: count + 10 }, () => takeBlock(largest));
    for (const block of blocks) giveBlock(block);
    const again = Array.from({ length: count + 10 }, () => takeBlock(largest));
    expect(again.filter((block) => blocks.includes(block)).length).toBe(count);
  });

  it('that nobody needed for a while are given up, those that go around are kept', () => {
    const blocks = [takeBlock(largest), takeBlock(largest), takeBlock(largest)];
    for (const block of blocks) giveBlock(block);
    jest.advanceTimersByTime(1_000);
    const inUse = takeBlock(largest);
    giveBlock(inUse);
    jest.advanceTimersByTime(1_000);
    const [kept, made] = [takeBlock(largest), takeBlock(largest)];
    expect(blocks.includes(kept)).toBe(true);
    expect(blocks.includes(made)).toBe(false);
    jest.advanceTimersByTime(1_000);
    expect(jest.getTimerCount()).toBe(0);
  });
});
