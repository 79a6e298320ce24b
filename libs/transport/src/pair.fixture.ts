import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { tempDir, waitFor } from '@gatehouse/testing';
import type { ByteStream, StreamEnd } from './byte-stream.js';
import type { Carrier, CarrierKind, CarrierLimits, ConnectOptions, Listener, ListenOptions } from './carrier.js';
import { connect } from './connect.js';
import { listen } from './listen.js';

export interface Credentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** An authority and a server certificate for 127.0.0.1 and localhost. */
export async function newCredentials(): Promise<Credentials> {
  const folder = tempDir();
  try {
    const { caFile, certFile, keyFile } = await createLocalAuthority(folder.path);
    const read = (file: string) => readFileSync(file, 'utf8');
    return { ca: read(caFile), certificate: read(certFile), key: read(keyFile) };
  } finally {
    folder.remove();
  }
}

export interface Pair {
  readonly listener: Listener;
  readonly client: Carrier;
  readonly server: Carrier;
  close(): Promise<void>;
}

export interface PairOptions {
  readonly credentials: Credentials;
  readonly carriers: readonly CarrierKind[];
  readonly client?: CarrierLimits;
  readonly server?: CarrierLimits;
  readonly listen?: Partial<ListenOptions>;
  readonly connect?: Partial<ConnectOptions>;
  /** What stands before the server's port: the port to dial instead. */
  readonly before?: (port: number) => Promise<number>;
}

/** Two carriers that are joined. */
export async function connectPair(options: PairOptions): Promise<Pair> {
  const { ca, certificate, key } = options.credentials;
  const arrived: Carrier[] = [];
  const listener = await listen({
    host: '0.0.0.0',
    port: 0,
    certificate,
    key,
    carriers: options.carriers,
    ...(options.server && { limits: options.server }),
    onCarrier: (carrier) => arrived.push(carrier),
    ...options.listen,
  });
  const client = await connect({
    host: '127.0.0.1',
    port: (await options.before?.(listener.port)) ?? listener.port,
    trust: { ca },
    carriers: options.carriers,
    ...(options.client && { limits: options.client }),
    ...options.connect,
  });
  const server = await waitFor(() => arrived[0], { intervalMs: 1 });
  return {
    listener,
    client,
    server,
    close: async () => {
      await Promise.all([client.close({ code: 'done' }), server.close({ code: 'done' })]);
      await listener.close();
    },
  };
}

/** What came of a stream. */
export class Reader {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  reset: StreamEnd | undefined;

  constructor(
    readonly stream: ByteStream,
    keep = true,
  ) {
    stream.onData = (chunk) => {
      this.bytes += chunk.length;
      if (keep) this.chunks.push(Buffer.from(chunk));
    };
    stream.onEnd = () => {
      this.ended = true;
    };
    stream.onReset = (end) => {
      this.reset = end;
    };
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  whenEnded(): Promise<unknown> {
    return waitFor(() => this.ended, {
      timeoutMs: 60_000,
      intervalMs: 2,
      message: () => `end after ${this.bytes} bytes`,
    });
  }

  whenReset(): Promise<StreamEnd> {
    return waitFor(() => this.reset, { intervalMs: 1, message: 'reset' });
  }
}

/** The streams that a carrier is given, in order. */
export function streamsOf(carrier: Carrier): ByteStream[] {
  const streams: ByteStream[] = [];
  carrier.onStream = (stream) => streams.push(stream);
  return streams;
}

/** Sends back all that comes on every stream. */
export function echoEverything(carrier: Carrier): void {
  carrier.onStream = (stream) => {
    stream.onDrain = () => stream.resume();
    stream.onEnd = () => stream.end();
    stream.onData = (chunk) => {
      if (!stream.write(chunk)) stream.pause();
    };
  };
}

/** Sends `bytes` on a stream of its own to {@link echoEverything}. @throws Error when other bytes come back */
export async function echo(client: Carrier, bytes: Uint8Array): Promise<void> {
  const reader = new Reader(client.open());
  reader.stream.write(bytes);
  reader.stream.end();
  await reader.whenEnded();
  if (!Buffer.concat(reader.chunks).equals(bytes)) throw new Error('other bytes came back');
}

/** Writes `total` bytes in pieces, no faster than the stream takes them. Returns what is to come out. */
export function pour(stream: ByteStream, total: number, piece = randomBytes(50_021)): void {
  let left = total;
  const more = () => {
    for (let room = true; room && left > 0; ) {
      const chunk = left < piece.length ? piece.subarray(0, left) : piece;
      left -= chunk.length;
      room = stream.write(chunk);
    }
    if (left === 0) stream.end();
  };
  stream.onDrain = more;
  more();
}
