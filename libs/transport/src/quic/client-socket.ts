import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { StreamReset } from '../byte-stream.js';
import type { Host } from './native.js';

const socketBufferBytes = 4 << 20;

/** Connected: the kernel drops what comes from elsewhere, and tells of ports that nobody listens on. */
export async function openSocket(remote: Host): Promise<Socket> {
  const socket = createSocket({
    type: remote.host.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: socketBufferBytes,
    sendBufferSize: socketBufferBytes,
  });
  try {
    socket.connect(remote.port, remote.host);
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    closeQuietly(socket);
    throw new StreamReset({ code: 'unreachable', detail: (error as NodeJS.ErrnoException).code ?? 'no route' });
  }
}

export const localOf = (socket: Socket): Host => ({ host: socket.address().address, port: socket.address().port });

export function closeQuietly(socket: Socket): void {
  socket.on('error', () => {});
  try {
    socket.close();
  } catch {
    // It was closed.
  }
}
