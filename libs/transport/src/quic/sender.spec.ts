import { createSocket } from 'node:dgram';
import { waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConnectionTimer } from './connection-timer.js';
import type { Connection } from './native.js';
import { Outlet } from './outlet.js';
import { Paths } from './paths.js';
import { Sender } from './sender.js';

const idleMs = 30_000;
const host = { host: '127.0.0.1', port: 1 };
let stop = () => {};
afterEach(() => stop());

/**
 * Of these only quiche is not what it is elsewhere: it says when it is asked for packets, which on a network depends on the moment.
 *
 * @param inFlight whether quiche waits for an answer to what we sent
 */
function senderOf(inFlight = false) {
  let flushes = 0;
  const connection = {
    timeout: () => (inFlight ? 40 : idleMs),
    onTimeout: () => undefined,
    send: () => {
      flushes++;
      return null;
    },
  } as unknown as Connection;
  const socket = createSocket('udp4');
  const timer = new ConnectionTimer(connection, { keepAliveMs: idleMs, mayMove: false, onFired: () => undefined });
  const paths = new Paths({
    ...{ connection, first: { local: host, peer: host } },
    onMoved: () => undefined,
    onLost: () => undefined,
  });
  const outlet = new Outlet(socket, false);
  const sender = new Sender({ connection, timer, paths, outlet, idleMs, onBroken: () => undefined });
  stop = () => {
    sender.stop();
    timer.stop();
    socket.close();
  };
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
