import { networkOf } from '@gatehouse/http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { charge, limits, type ThrottleState } from './throttle.js';

/** The states after tries at these times; a try that has to wait changes nothing. */
const tries = (times: readonly number[], limit = limits.account) => {
  let state: ThrottleState | undefined;
  const waits = times.map((now) => {
    const result = charge(state, limit, now);
    state = result.state ?? state;
    return result.waitMs ?? 0;
  });
  return { state, waits };
};

describe('charge', () => {
  it('lets some through at once, then doubles the pause', () => {
    expect(tries([0, 0, 0, 0, 0, 0, 0]).waits).toEqual([0, 0, 0, 0, 0, 0, 2_000]);
    expect(tries([0, 0, 0, 0, 0, 0, 2_000, 2_000]).waits.at(-1)).toBe(4_000);
  });

  it('counts what comes at once, in whatever order it gets there', () => {
    expect(tries([5, 3, 4, 1, 2]).waits).toEqual([0, 0, 0, 0, 0]);
  });

  it('forgets after an hour of quiet', () => {
    const { state } = tries([0, 0, 0, 0, 0, 0]);
    expect(charge(state, limits.account, 3_600_000).state?.count).toBe(1);
  });

  it('never asks for more than a quarter of an hour, however long somebody tries', () => {
    const times = fc.array(fc.integer({ min: 0, max: 7 * 86_400_000 }), { maxLength: 400 });
    fc.assert(
      fc.property(times, (given) => {
        const { waits } = tries([...given].sort((a, b) => a - b));
        expect(Math.max(0, ...waits)).toBeLessThanOrEqual(15 * 60_000);
      }),
    );
  });

  it('what is tried while blocked does not make the block longer', () => {
    const { state } = tries([0, 0, 0, 0, 0, 0]);
    const hammered = tries([0, 0, 0, 0, 0, 0, ...Array.from({ length: 1_000 }, (_, at) => at)]);
    expect(hammered.state).toEqual(state);
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s belongs to %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});
