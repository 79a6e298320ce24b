import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import quiche from '@matrixai/quic/native/quiche.js';
import type { Config, Connection, Host } from '@matrixai/quic/native/types.js';
import type { BenchStream } from './bench-stream.js';

/**
 * The limit: quiche of `@matrixai/quic` in a loop that does nothing else. No address validation, no change of address, no keepalive, no
 * trust, one peer a port. A burst is received, then streams are read, then packets are written until there is none.
 */
const burstBytes = 131_072;
const socketBufferBytes = 4 << 20;
const [readBuffer, slab] = [Buffer.allocUnsafeSlow(131_072), Buffer.allocUnsafeSlow(8 << 20)];
const largestPacket = 65_536;
const nothing = Buffer.alloc(0);
const signatures = 'ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha256';
let used = 0;

export class RawStream implements BenchStream {
  onData: (chunk: Uint8Array) => void = () => undefined;
  onEnd: () => void = () => undefined;
  onDrain: () => void = () => undefined;
  rest: Buffer = nothing;
  isPaused = false;
  #isEnding = false;

  constructor(
    private readonly owner: RawConnection,
    readonly id: number,
  ) {}

  write(chunk: Uint8Array): boolean {
    if (this.rest.length > 0) this.rest = Buffer.concat([this.rest, chunk]);
    else {
      const sent = this.owner.connection.streamSend(this.id, chunk, false) ?? 0;
      if (sent < chunk.length) this.rest = Buffer.from(chunk.subarray(sent));
    }
    this.owner.wrote(this);
    return this.rest.length === 0;
  }

  end(): void {
    this.#isEnding = true;
    this.finish();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.owner.read(this);
    // The peer's window has grown.
    this.owner.soon();
  }

  /** What quiche did not take before. */
  retry(): boolean {
    const sent = this.owner.connection.streamSend(this.id, this.rest, false) ?? 0;
    this.rest = this.rest.subarray(sent);
    if (this.rest.length > 0) return false;
    this.finish();
    if (!this.#isEnding) this.onDrain();
    return true;
  }

  finish(): void {
    if (this.#isEnding && this.rest.length === 0) this.owner.connection.streamSend(this.id, nothing, true);
    this.owner.soon();
  }
}

export class RawConnection {
  onStream: (stream: RawStream) => void = () => undefined;
  onEstablished: () => void = () => undefined;
  readonly #streams = new Map<number, RawStream>();
  readonly #blocked = new Set<RawStream>();
  #isTurnDue = false;
  #isSendDue = false;
  #isEstablished = false;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #next: number;

  constructor(
    readonly connection: Connection,
    private readonly socket: Socket,
    private readonly to: Host | undefined,
    private readonly datagram: number,
  ) {
    this.#next = to ? 1 : 0;
  }

  open(): RawStream {
    const stream = new RawStream(this, this.#next);
    this.#next += 4;
    this.#streams.set(stream.id, stream);
    return stream;
  }

  receive(datagram: Buffer, info: { readonly from: Host; readonly to: Host }): void {
    this.connection.recv(datagram, info);
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setImmediate(this.#turn);
  }

  read(stream: RawStream): void {
    while (!stream.isPaused) {
      const got = this.connection.streamRecv(stream.id, readBuffer);
      if (!got) return;
      if (got[0] > 0) stream.onData(readBuffer.subarray(0, got[0]));
      if (!got[1]) continue;
      stream.onEnd();
      return;
    }
  }

  wrote(stream: RawStream): void {
    if (stream.rest.length > 0) this.#blocked.add(stream);
    this.soon();
  }

  soon(): void {
    if (this.#isSendDue || this.#isTurnDue) return;
    this.#isSendDue = true;
    process.nextTick(this.send);
  }

  readonly #turn = (): void => {
    this.#isTurnDue = false;
    if (this.connection.isClosed()) return;
    if (!this.#isEstablished && this.connection.isEstablished()) {
      this.#isEstablished = true;
      this.onEstablished();
    }
    for (const id of this.connection.readable()) {
      const known = this.#streams.get(id) ?? new RawStream(this, id);
      if (!this.#streams.has(id)) {
        this.#streams.set(id, known);
        this.onStream(known);
      }
      this.read(known);
    }
    for (const stream of [...this.#blocked]) {
      this.#blocked.delete(stream);
      if (!stream.retry()) this.#blocked.add(stream);
    }
    this.send();
  };

  readonly send = (): void => {
    this.#isSendDue = false;
    let left = burstBytes;
    while (left > 0) {
      if (used + largestPacket > slab.length) used = 0;
      const packet = this.connection.send(slab.subarray(used, used + this.datagram));
      if (!packet) break;
      const [length] = packet;
      if (this.to) this.socket.send(slab, used, length, this.to.port, this.to.host);
      else this.socket.send(slab, used, length);
      used += length;
      left -= length;
    }
    if (left <= 0) setImmediate(this.send);
    this.#arm();
  };

  #arm(): void {
    const wait = this.connection.timeout();
    if (wait === null) return;
    const dueAt = performance.now() + wait;
    if (this.#timer && this.#dueAt <= dueAt + 1) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.connection.onTimeout();
      this.send();
    }, wait);
  }
}

function configured(config: Config, datagram: number): Config {
  config.setApplicationProtos(['raw']);
  config.setMaxIdleTimeout(30_000);
  config.setMaxSendUdpPayloadSize(datagram);
  config.setMaxRecvUdpPayloadSize(datagram);
  config.setInitialMaxData(16 << 20);
  config.setMaxConnectionWindow(16 << 20);
  config.setInitialMaxStreamDataBidiLocal(1 << 20);
  config.setInitialMaxStreamDataBidiRemote(1 << 20);
  config.setMaxStreamWindow(1 << 20);
  config.setInitialMaxStreamsBidi(4_096);
  return config;
}

const buffers = { recvBufferSize: socketBufferBytes, sendBufferSize: socketBufferBytes };
const hostOf = (socket: Socket): Host => ({ host: socket.address().address, port: socket.address().port });

export async function dialRaw(port: number, datagram: number): Promise<RawConnection> {
  const socket = createSocket({ type: 'udp4', ...buffers });
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const [local, remote] = [hostOf(socket), { host: '127.0.0.1', port }];
  const config = configured(quiche.Config.withBoringSslCtx(false, false, null, null, null, signatures), datagram);
  const connection = quiche.Connection.connect(null, randomBytes(20), local, remote, config);
  const raw = new RawConnection(connection, socket, undefined, datagram);
  const info = { from: remote, to: local };
  socket.on('message', (bytes: Buffer) => raw.receive(bytes, info));
  const established = new Promise<void>((resolve) => {
    raw.onEstablished = resolve;
  });
  raw.send();
  await established;
  return raw;
}

/** @returns the port */
export async function listenRaw(
  files: { readonly certificate: string; readonly key: string },
  datagram: number,
  onConnection: (raw: RawConnection) => void,
): Promise<number> {
  const lookup = (host: string, _options: unknown, done: (e: null, address: string, family: number) => void) =>
    done(null, host, 4);
  const socket = createSocket({ type: 'udp4', lookup: lookup as never, ...buffers });
  // Told within `bind`, because nothing is looked up.
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  const [key, certificate] = [readFileSync(files.key), readFileSync(files.certificate)];
  const context = quiche.Config.withBoringSslCtx(false, false, null, [key], [certificate], signatures);
  const config = configured(context, datagram);
  const local = hostOf(socket);
  const byPort = new Map<number, RawConnection>();
  socket.on('message', (bytes: Buffer, { address: host, port }: RemoteInfo) => {
    const from = { host, port };
    let raw = byPort.get(port);
    if (!raw) {
      const connection = quiche.Connection.accept(randomBytes(20), null, local, from, config);
      raw = new RawConnection(connection, socket, from, datagram);
      byPort.set(port, raw);
      onConnection(raw);
    }
    raw.receive(bytes, { from, to: local });
  });
  return local.port;
}

/** Streams of the second connection, and of all after it, joined to streams of the first. */
export async function relayRaw(certificate: string, key: string, datagram: number): Promise<number> {
  let device: RawConnection | undefined;
  return listenRaw({ certificate, key }, datagram, (raw) => {
    if (!device) device = raw;
    else raw.onStream = (stream) => device && join(stream, device.open());
  });
}

function join(first: RawStream, second: RawStream): void {
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const) {
    from.onData = (chunk) => {
      if (!to.write(chunk)) from.isPaused = true;
    };
    from.onEnd = () => to.end();
    to.onDrain = () => from.resume();
  }
}
