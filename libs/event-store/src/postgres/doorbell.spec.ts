import { describe, expect, it } from '@jest/globals';
import { Doorbell } from './doorbell.js';

const long = 60_000;
/** Whether `wait` ends in this turn of the event loop. */
const endsNow = (wait: Promise<void>): Promise<boolean> =>
  Promise.race([wait.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

describe('Doorbell', () => {
  it('ends a wait at a ring', async () => {
    const bell = new Doorbell();
    const wait = bell.wait(long);
    expect(await endsNow(wait)).toBe(false);
    bell.ring();
    await wait;
  });

  it('remembers a ring that came before the wait, once', async () => {
    const bell = new Doorbell();
    bell.ring();
    bell.ring();
    expect(await endsNow(bell.wait(long))).toBe(true);
    const next = bell.wait(long);
    expect(await endsNow(next)).toBe(false);
    bell.ring();
    await next;
  });

  it('remembers a ring that comes while the one before is being served', async () => {
    const bell = new Doorbell();
    const wait = bell.wait(long);
    bell.ring();
    await wait;
    bell.ring(); // the waiter is reading now
    expect(await endsNow(bell.wait(long))).toBe(true);
  });

  it('loses no work, whenever the rings come', async () => {
    const bell = new Doorbell();
    let [work, done] = [0, 0];
    const worker = (async () => {
      while (done < 200) {
        await bell.wait(long);
        const seen = work;
        // Reading takes a while, during which more work and rings come.
        for (let turns = seen % 3; turns > 0; turns--) await new Promise<void>((resolve) => setImmediate(resolve));
        done = seen;
      }
    })();
    while (work < 200) {
      work++;
      bell.ring();
      if (work % 2) await Promise.resolve();
      else await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await worker;
    expect(done).toBe(200);
  });

  it('ends a wait after its time, and at a signal, before or during it', async () => {
    const bell = new Doorbell();
    await bell.wait(5);
    const stop = new AbortController();
    const wait = bell.wait(long, stop.signal);
    stop.abort();
    await wait;
    expect(await endsNow(bell.wait(long, stop.signal))).toBe(true);
  });

  it('leaves no listener on the signal', async () => {
    const bell = new Doorbell();
    const stop = new AbortController();
    let listeners = 0;
    const { signal } = stop;
    const count = (by: number, method: 'addEventListener' | 'removeEventListener') => {
      const original = signal[method].bind(signal) as (...args: unknown[]) => void;
      Object.assign(signal, {
        [method]: (...args: unknown[]) => {
          listeners += by;
          original(...args);
        },
      });
    };
    count(1, 'addEventListener');
    count(-1, 'removeEventListener');
    for (let i = 0; i < 20; i++) await bell.wait(1, signal);
    expect(listeners).toBe(0);
  });
});
