import { createHmac, randomBytes, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { events, QUICClient, type QUICConnection, QUICServer, type QUICStream } from '@matrixai/quic';
import type { BenchStream } from './bench-stream.js';

/** The classes of `@matrixai/quic`, as their documentation shows them. Windows are small: what is on its way must arrive in reasonable time. */
const config = { maxIdleTimeout: 60_000, initialMaxData: 2 << 20, initialMaxStreamsBidi: 1_000 };

const silent = () => undefined;
/** They tell of each stream, unless given this. */
const logger = { getChild: () => logger, debug: silent, info: silent, warn: silent, error: silent } as never;

const hmac = (key: ArrayBuffer, data: ArrayBuffer): Buffer =>
  createHmac('sha256', Buffer.from(key)).update(Buffer.from(data)).digest();
const ofBuffer = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;

const onConnectionStream = (connection: QUICConnection, take: (stream: QUICStream) => void): void =>
  connection.addEventListener(events.EventQUICConnectionStream.name, (event: Event) =>
    take((event as events.EventQUICConnectionStream).detail as QUICStream),
  );

export async function dialClasses(port: number): Promise<QUICConnection> {
  const client = await QUICClient.createQUICClient({
    host: '127.0.0.1',
    port,
    logger,
    crypto: {
      ops: { randomBytes: async (data: ArrayBuffer) => void webcrypto.getRandomValues(new Uint8Array(data)) },
    },
    config: { ...config, verifyPeer: false, keepAliveIntervalTime: 10_000 },
  });
  return client.connection;
}

/** Streams of the second connection, and of all after it, joined to streams of the first. @returns the port */
export async function relayClasses(certificateFile: string, keyFile: string): Promise<number> {
  const server = new QUICServer({
    logger,
    crypto: {
      key: ofBuffer(randomBytes(32)),
      ops: {
        sign: async (key: ArrayBuffer, data: ArrayBuffer) => ofBuffer(hmac(key, data)),
        verify: async (key: ArrayBuffer, data: ArrayBuffer, signed: ArrayBuffer) =>
          hmac(key, data).equals(Buffer.from(signed)),
      },
    },
    config: { ...config, key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certificateFile, 'utf8') },
  });
  let device: QUICConnection | undefined;
  server.addEventListener(events.EventQUICServerConnection.name, (event: Event) => {
    const connection = (event as events.EventQUICServerConnection).detail as QUICConnection;
    if (!device) device = connection;
    else
      onConnectionStream(connection, (stream) => {
        const other = device?.newStream();
        if (!other) return;
        void stream.readable.pipeTo(other.writable).catch(() => undefined);
        void other.readable.pipeTo(stream.writable).catch(() => undefined);
      });
  });
  await server.start({ host: '127.0.0.1', port: 0 });
  return server.port;
}

export const takeClasses = (connection: QUICConnection, onStream: (stream: BenchStream) => void): void =>
  onConnectionStream(connection, (stream) => onStream(ofClasses(stream)));

export function ofClasses(stream: QUICStream): BenchStream {
  const writer = stream.writable.getWriter();
  const bench: BenchStream = {
    onData: () => undefined,
    onEnd: () => undefined,
    onDrain: () => undefined,
    write: (chunk) => {
      void writer.write(Uint8Array.from(chunk)).catch(() => undefined);
      if ((writer.desiredSize ?? 0) > 0) return true;
      void writer.ready.then(() => bench.onDrain());
      return false;
    },
    end: () => void writer.close().catch(() => undefined),
  };
  const read = async (): Promise<void> => {
    for await (const chunk of stream.readable) bench.onData(chunk as Uint8Array);
    bench.onEnd();
  };
  void read().catch(() => undefined);
  return bench;
}
