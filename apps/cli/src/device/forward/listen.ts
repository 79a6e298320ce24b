import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import type { Dial } from '../dial/dial.js';
import { breakOff, joinConnection } from './connection.js';
import type { Forward } from './parse-target.js';

export interface Listening {
  /** As a person would write it. */
  readonly where: string;
  close(): void;
}

export interface ListenContext {
  readonly dial: Dial;
  /** All targets of this call: one grant is for all of them. */
  readonly targets: readonly string[];
  readonly bind: string;
  /** One connection failed; the others, and those to come, go on. */
  readonly failed: (failure: Failure, forward: Forward) => void;
}

/** Listens for one target on TCP or a socket file. @throws Failure the place is taken, or not ours to take */
export async function listenStream(forward: Forward, context: ListenContext): Promise<Listening> {
  const sockets = new Set<Socket>();
  let isOver = false;
  const failed: ListenContext['failed'] = (failure, of) => {
    // What is open when the call ends is cut off: nobody's failure.
    if (!isOver) context.failed(failure, of);
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    void connect(socket, forward, { ...context, failed });
  });
  const where = await listenAt(server, forward.local, context.bind);
  return {
    where,
    close: () => {
      isOver = true;
      server.close();
      for (const socket of sockets) socket.destroy();
      if ('path' in forward.local) rmSync(forward.local.path, { force: true });
    },
  };
}

async function connect(socket: Socket, forward: Forward, { dial, targets, failed }: ListenContext): Promise<void> {
  // Until the stream is there, somebody here may have gone again.
  socket.on('error', () => undefined);
  try {
    const stream = await dial({ kind: 'forward', targets: [...targets] }, { kind: 'forward', target: forward.target });
    if (socket.destroyed) stream.reset({ code: 'cancelled' });
    else joinConnection(socket, stream, (failure) => failure && failed(failure, forward));
  } catch (error) {
    breakOff(socket);
    failed(error instanceof Failure ? error : new Failure(exitCodes.unavailable, String(error)), forward);
  }
}

function listenAt(server: Server, local: Forward['local'], bind: string): Promise<string> {
  const where = 'path' in local ? local.path : `${bind.includes(':') ? `[${bind}]` : bind}:${local.port}`;
  if ('path' in local && lstatSync(local.path, { throwIfNoEntry: false }))
    throw usageFailure(`${local.path} is there already`, 'Remove it, or name another one: /local.sock:/remote.sock');
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(taken(where, error)));
    // For its owner alone from the first moment: whoever may connect is on the device.
    const before = 'path' in local ? process.umask(0o177) : undefined;
    const options = 'path' in local ? { path: local.path } : { host: bind, port: local.port, exclusive: true };
    server.listen(options, () => {
      if ('path' in local) chmodSync(local.path, 0o600);
      resolve(where);
    });
    if (before !== undefined) process.umask(before);
  });
}

export const taken = (where: string, { code }: NodeJS.ErrnoException): Failure =>
  usageFailure(
    `${where} cannot be listened on (${code})`,
    code === 'EADDRINUSE' ? 'Something else is there' : undefined,
  );
