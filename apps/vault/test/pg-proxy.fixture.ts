import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Where a conversation with PostgreSQL stops: at the first message of a client that holds `text`, or, with `next`, at the
 * first one after it on the same connection that holds that. `before`: the server never sees the message. `after`: it has
 * carried it out, and its answer never arrives.
 */
export interface Stop {
  readonly text: string;
  readonly next?: string;
  readonly side: 'before' | 'after';
}

export interface PgProxy {
  readonly port: number;
  /** Arms one stop; resolves when it is reached. */
  stopAt(stop: Stop): Promise<void>;
  /** Lets go what was stopped `before`; resolves when the server has answered it. */
  resume(): Promise<void>;
  /** Forgets the stop and cuts what it holds. */
  release(): void;
  /** From now on connections lead to another server. */
  leadTo(port: number): void;
  close(): Promise<void>;
}

/** A relay in front of a PostgreSQL without TLS that reads along and can stop at any statement. */
export async function startPgProxy(upstreamPort: number): Promise<PgProxy> {
  let upstream = upstreamPort;
  let armed: { stop: Stop; reached: () => void } | undefined;
  let letGo: ((answered: () => void) => void) | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const behind = connect(upstream, '127.0.0.1');
    for (const [socket, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      sockets.add(socket);
      // Messages are passed on one by one: held back, each would wait for the acknowledgement of the one before.
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    let held: Buffer[] | undefined;
    let muted: (() => void) | undefined;
    let awaited: (() => void) | undefined;
    let sawFirst = false;
    const meets = (message: Buffer): 'before' | 'after' | undefined => {
      if (!armed) return undefined;
      const { text, next, side } = armed.stop;
      const first = message.includes(text);
      const meets = next === undefined ? first : sawFirst && message.includes(next);
      sawFirst ||= first;
      return meets ? side : undefined;
    };
    const forward = messagesOf(true, (message) => {
      if (held) return void held.push(message);
      const side = meets(message);
      if (side === undefined) return void behind.write(message);
      const { reached } = armed as NonNullable<typeof armed>;
      armed = undefined;
      held = [];
      if (side === 'before') {
        const stopped = held;
        stopped.push(message);
        letGo = (answered) => {
          [held, awaited] = [undefined, answered];
          for (const one of stopped) behind.write(one);
        };
        return reached();
      }
      muted = reached;
      behind.write(message);
      // What a prepared statement still needs to be carried out and answered.
      if (message[0] !== 0x51) behind.write(Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]));
    });
    const answer = messagesOf(false, (message) => {
      // ReadyForQuery: it is done.
      const isDone = message[0] === 0x5a;
      if (!muted) client.write(message);
      else if (isDone) muted();
      if (isDone) awaited?.();
    });
    client.on('data', forward);
    behind.on('data', answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    stopAt: (stop) =>
      new Promise<void>((reached) => {
        armed = { stop, reached };
      }),
    resume: () => new Promise<void>((answered) => letGo?.(answered)),
    release() {
      armed = undefined;
      cut();
    },
    leadTo(port) {
      upstream = port;
      cut();
    },
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Cuts a stream into the protocol's messages; a client's first one has no type. */
function messagesOf(startsBare: boolean, onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let bare = startsBare;
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const header = bare ? 0 : 1;
      if (rest.length < header + 4) return;
      const length = header + rest.readInt32BE(header);
      if (rest.length < length) return;
      onMessage(rest.subarray(0, length));
      rest = Buffer.from(rest.subarray(length));
      bare = false;
    }
  };
}
