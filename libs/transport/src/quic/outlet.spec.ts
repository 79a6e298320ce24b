import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { closeQuietly, openSocket } from './client-socket.js';
import { Outlet } from './outlet.js';

const host = '127.0.0.1';
let end = () => {};
afterEach(() => end());

/** A connected socket whose peer has just gone, and what is told of that. */
async function leftAlone() {
  const peer = createSocket('udp4');
  peer.bind(0, host);
  await once(peer, 'listening');
  const { port } = peer.address();
  const socket = await openSocket({ host, port });
  const told: (string | undefined)[] = [];
  socket.on('error', ({ code }: NodeJS.ErrnoException) => told.push(`read ${code}`));
  const outlet = new Outlet(socket, true, ({ code }) => told.push(`sent ${code}`));
  end = () => closeQuietly(socket);
  peer.close();
  await once(peer, 'close');
  /** So many packets in one turn. */
  const send = (packets: number, listens: boolean) => {
    for (let i = 0; i < packets; i++) {
      outlet.room(100);
      outlet.send(100, host, port, listens);
    }
    outlet.finish();
  };
  return { send, told };
}

describe('packets to a port that nobody listens on', () => {
  it('are told of when the next one finds out, if somebody listens', async () => {
    const { send, told } = await leftAlone();
    // The second learns of the first, and leaves nothing for who reads.
    send(2, true);
    await waitFor(() => told.length > 0);
    expect(told).toEqual(['sent ECONNREFUSED']);
  });

  it('are told of by the socket when they are the last', async () => {
    const { send, told } = await leftAlone();
    send(1, true);
    await waitFor(() => told.length > 0);
    expect(told).toEqual(['read ECONNREFUSED']);
  });

  it('can be sent without a word about them', async () => {
    const { send, told } = await leftAlone();
    send(2, false);
    send(1, true);
    await waitFor(() => told.length > 0);
    expect(told).toEqual(['read ECONNREFUSED']);
  });
});
