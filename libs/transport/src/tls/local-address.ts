import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

/** How often we look; it costs a system call, and no packet. */
const lookMs = 1_000;

/**
 * TCP does not outlive its address: a connection from one that this machine has no more is destroyed, with `EADDRNOTAVAIL`. Silence
 * would tell as well, but only after `idleMs`.
 */
export function endWithAddress(socket: Socket): void {
  const address = socket.localAddress;
  // There are more addresses than interfaces list: the rest of 127.0.0.0/8, and routes of type `local`.
  if (address === undefined || !isOurs(address)) return;
  const timer = setInterval(() => {
    if (isOurs(address)) return;
    const gone = Object.assign(new Error(`${address} is no address of this machine any more`), {
      code: 'EADDRNOTAVAIL',
    });
    socket.destroy(gone);
  }, lookMs);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}

const isOurs = (address: string): boolean =>
  Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === address));
