import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface CommitGate {
  /** Port to reach PostgreSQL through. */
  readonly port: number;
  /**
   * Waits for the transaction that writes `text`, and stops the world on one side of its commit point: `before` keeps
   * COMMIT from PostgreSQL, `after` keeps PostgreSQL's confirmation from the caller.
   */
  hold(text: string, side: 'before' | 'after'): Promise<void>;
  stop(): Promise<void>;
}

interface Watch {
  readonly text: string;
  readonly side: 'before' | 'after';
  readonly reached: () => void;
}

/** What node-pg sends for `client.query('commit')`: a simple query (PostgreSQL manual, 55.7). */
const commitSent = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');
/** And what PostgreSQL answers: CommandComplete. */
const commitDone = Buffer.from('C\0\0\0\x0bCOMMIT\0', 'latin1');

/**
 * A proxy in front of PostgreSQL that can cut a commit in two. Whoever is killed meanwhile has died exactly on that
 * side of the commit point, which no timing could hit as surely.
 */
export async function startCommitGate(postgresPort: number): Promise<CommitGate> {
  let watch: Watch | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(postgresPort, '127.0.0.1');
    let writing = false;
    let held = false;
    const holdHere = () => {
      held = true;
      watch?.reached();
      watch = undefined;
    };
    client.on('data', (chunk) => {
      if (held) return;
      writing ||= watch !== undefined && chunk.includes(watch.text);
      if (writing && watch?.side === 'before' && chunk.includes(commitSent)) return holdHere();
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (held) return;
      if (writing && watch?.side === 'after' && chunk.includes(commitDone)) return holdHere();
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    hold: (text, side) =>
      new Promise((reached) => {
        watch = { text, side, reached };
      }),
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
