import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SendQueue } from './send-queue.js';

const pattern = Buffer.from(
  Array.from({ length: 131_072 }, (_, i) => ((i % 65_536) * 31 + ((i % 65_536) >> 8)) & 0xff),
);
/** The same for the same offset, modulo 64 Ki. */
const bytesFrom = (offset: number, length: number): Buffer =>
  pattern.subarray(offset % 65_536, (offset % 65_536) + length);

describe('what may have to be sent again', () => {
  it('is there by offset until it is released', () => {
    const step = fc.record({ append: fc.nat(65_000), release: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(), (steps, at) => {
        const queue = new SendQueue();
        for (const { append, release } of steps) {
          queue.append(bytesFrom(queue.end, append));
          queue.release(queue.base + Math.floor((queue.end - queue.base) * release));
          if (queue.base === queue.end) continue;
          const offset = queue.base + (at % (queue.end - queue.base));
          const view = queue.view(offset, 1_000);
          expect(view.byteLength).toBeGreaterThan(0);
          expect(bytesFrom(offset, view.byteLength).equals(view)).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('does not show what was released, or never written', () => {
    const queue = new SendQueue();
    queue.append(bytesFrom(0, 10));
    queue.release(4);
    for (const offset of [3, 10, -1]) expect(() => queue.view(offset, 1)).toThrow(RangeError);
    for (const offset of [3, 11]) expect(() => queue.release(offset)).toThrow(RangeError);
  });

  it('lies in few blocks, however small the pieces', () => {
    const queue = new SendQueue();
    for (let i = 0; i < 100_000; i++) queue.append(bytesFrom(i, 1));
    let views = 0;
    for (let offset = 0; offset < 100_000; views++) offset += queue.view(offset, 1_000_000).byteLength;
    expect(views).toBeLessThan(6);
  });
});
