import { waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Sender } from './sender.js';

const idleMs = 30_000;
let stop = () => {};
afterEach(() => stop());

/** @param inFlight whether quiche waits for an answer to what we sent */
function senderOf(inFlight = false) {
  let flushes = 0;
  const connection = {
    timeout: () => (inFlight ? 40 : idleMs),
    send: () => {
      flushes++;
      return null;
    },
  };
  const outlet = { isFull: false, room: () => Buffer.alloc(1_200), finish: () => undefined };
  const options = { connection, outlet, timer: { arm: () => undefined }, paths: {}, idleMs, onBroken: () => undefined };
  const sender = new Sender(options as never);
  stop = () => sender.stop();
  return { sender, flushes: () => flushes };
}

/** Whatever a turn leaves to its end has happened, and no timer. */
const turn = () => new Promise<void>((resolve) => process.nextTick(resolve));

describe('after a packet that came alone', () => {
  it('the acknowledgement waits for an answer that takes it along, and not for ever', async () => {
    const { sender, flushes } = senderOf();
    sender.answer(true);
    await turn();
    expect(flushes()).toBe(0);
    await waitFor(() => flushes() === 1);
  });

  it('the second one with data is acknowledged at once, together with the first', async () => {
    const { sender, flushes } = senderOf();
    sender.answer(true);
    sender.answer(true);
    await turn();
    expect(flushes()).toBe(1);
    sender.answer(true);
    await turn();
    expect(flushes()).toBe(1);
  });

  it("the peer's own acknowledgement does not count: else both would go on to acknowledge by themselves", async () => {
    const { sender, flushes } = senderOf();
    for (const hadData of [false, false, true, false]) sender.answer(hadData);
    await turn();
    expect(flushes()).toBe(0);
  });

  it('nothing waits while something of ours is on its way: quiche may have more that it held back', async () => {
    const { sender, flushes } = senderOf(true);
    sender.answer(false);
    await turn();
    expect(flushes()).toBe(1);
  });
});
