import { createHmac, randomBytes, X509Certificate } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { StreamReset } from '../byte-stream.js';
import { Handshakes } from '../handshakes.js';
import type { ServeOptions } from '../tls/serve.js';
import { alpn, fingerprintOf } from '../trust.js';
import { serverConfig } from './config.js';
import type { Config, Host, Quiche } from './native.js';
import { noLookup, Outlet } from './outlet.js';
import {
  asBigInt,
  idBytes,
  isLong,
  type LongHeader,
  leastInitial,
  parseLong,
  quicVersion,
  resetToken,
  routeOf,
  statelessReset,
  versionNegotiation,
} from './packets.js';
import { QuicCarrier } from './quic-carrier.js';
import { mintToken, openToken } from './retry-token.js';

const socketBufferBytes = 4 << 20;
/** Answers to strangers (retry, other versions, forgotten connections): we are nobody's amplifier. */
const answersPerSecond = 4_000;

/** Of a client that gets what is sent to its address. */
interface FirstPacket {
  /** Its id, as routes have it. */
  readonly key: string;
  readonly id: Buffer;
  readonly original: Buffer;
  readonly datagram: Buffer;
  readonly from: RemoteInfo;
}

/** All connections on one UDP socket, found by the id that each packet carries. */
export class QuicServer {
  readonly #routes = new Map<string, QuicCarrier>();
  readonly #handshakes: Handshakes<FirstPacket>;
  readonly #tokenKey = randomBytes(32);
  /** Of the first certificate's key, so that it is the same after a restart, when there is something to end. */
  readonly #resetKey: Buffer;
  readonly #outlet: Outlet;
  readonly #socket: Socket;
  readonly #info = { from: { host: '', port: 0 }, to: { host: '', port: 0 } };
  #config: Config;
  #fingerprint: string;
  #second = 0;
  #answers = 0;
  #closing = false;
  #closed = false;

  constructor(
    private readonly quiche: Quiche,
    private readonly options: ServeOptions,
    host: string,
  ) {
    this.#resetKey = createHmac('sha256', options.key).update('gatehouse stateless reset').digest();
    this.#config = serverConfig(quiche, options.limits, options.certificate, options.key);
    this.#fingerprint = fingerprintOf(new X509Certificate(options.certificate).raw);
    this.#socket = createSocket({
      type: host.includes(':') ? 'udp6' : 'udp4',
      lookup: noLookup,
      recvBufferSize: socketBufferBytes,
      sendBufferSize: socketBufferBytes,
    });
    this.#outlet = new Outlet(this.#socket, false);
    this.#handshakes = new Handshakes<FirstPacket>({
      most: options.maxHandshakes,
      begin: (first) => {
        const carrier = this.#accept(first);
        return { heard: () => carrier.heardAt, drop: (end) => void carrier.close(end) };
      },
      refuse: (_, end) => options.onRefused(new StreamReset(end)),
    });
  }

  /** @returns the port */
  async bind(host: string, port: number): Promise<number> {
    const listening = once(this.#socket, 'listening');
    this.#socket.bind({ port, address: host, exclusive: true });
    await listening;
    this.#socket.on('error', (error) => this.options.onRefused(error));
    this.#socket.on('message', (datagram: Buffer, from: RemoteInfo) => this.#receive(datagram, from));
    const { address, port: bound } = this.#socket.address();
    this.#info.to = { host: address, port: bound };
    return bound;
  }

  renew(certificate: string, key: string): void {
    this.#config = serverConfig(this.quiche, this.options.limits, certificate, key);
    this.#fingerprint = fingerprintOf(new X509Certificate(certificate).raw);
  }

  /** Nobody new; the socket stays for those who are there. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#handshakes.close({ code: 'unavailable' });
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (!this.#closing || this.#closed || this.#routes.size > 0) return;
    this.#closed = true;
    this.#socket.close();
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const route = routeOf(datagram);
    if (route === undefined) return;
    const carrier = this.#routes.get(route);
    if (carrier) this.#hand(carrier, datagram, from);
    else if (!isLong(datagram)) this.#forgotten(datagram, from);
    else this.#stranger(datagram, from);
  }

  #hand(carrier: QuicCarrier, datagram: Buffer, from: RemoteInfo): void {
    this.#info.from.host = from.address;
    this.#info.from.port = from.port;
    carrier.receive(datagram, this.#info);
  }

  #stranger(datagram: Buffer, from: RemoteInfo): void {
    if (datagram.length < leastInitial || this.#closing) return;
    const header = parseLong(datagram);
    if (!header || header.version === 0) return;
    if (header.version !== quicVersion) {
      const most = Math.min(datagram.length, this.options.limits.largestDatagram);
      this.#answer(versionNegotiation(header, most), from);
      return;
    }
    if (!header.isInitial) return;
    const { address, port } = from;
    const facts = { address, port, given: header.destination };
    const original = openToken(this.#tokenKey, header.token, facts);
    const id = header.destination;
    const key = id.toString('latin1');
    // The datagram's memory is its own: it may wait.
    if (original) this.#handshakes.arrive(key, address, { key, id, original, datagram, from });
    else if (header.token.length === 0) this.#retry(header, from);
  }

  /** Costs us nothing but this answer, until the client has shown that it gets what is sent to its address. */
  #retry(header: LongHeader, from: RemoteInfo): void {
    // The first id is the client's to choose, and at least 8 bytes (RFC 9000 7.2).
    if (header.destination.length < 8) return;
    const given = randomBytes(idBytes);
    const { address, port } = from;
    const token = mintToken(this.#tokenKey, { address, port, original: header.destination, given });
    const packet = Buffer.alloc(256);
    const length = this.quiche.retry(header.source, header.destination, given, token, header.version, packet);
    this.#answer(packet.subarray(0, length), from);
  }

  #forgotten(datagram: Buffer, from: RemoteInfo): void {
    const id = datagram.subarray(1, 1 + idBytes);
    const packet = statelessReset(this.#resetKey, id, datagram.length);
    if (packet) this.#answer(packet, from);
  }

  #answer(packet: Buffer, from: RemoteInfo): void {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) this.#answers = 0;
    this.#second = second;
    if (this.#answers++ < answersPerSecond) this.#socket.send(packet, from.port, from.address);
  }

  #accept({ key, id, original, datagram, from }: FirstPacket): QuicCarrier {
    const carrier = this.#newCarrier(id, original, { host: from.address, port: from.port });
    this.#routes.set(key, carrier);
    this.#hand(carrier, datagram, from);
    return carrier;
  }

  #newCarrier(id: Buffer, original: Buffer, remote: Host): QuicCarrier {
    const { options, quiche } = this;
    const ids = new Set([id.toString('latin1')]);
    this.#config.setStatelessResetToken(asBigInt(resetToken(this.#resetKey, id)));
    const settled = () => this.#handshakes.done(id.toString('latin1'));
    const carrier: QuicCarrier = new QuicCarrier({
      quiche,
      connection: quiche.Connection.accept(id, original, { ...this.#info.to }, remote, this.#config),
      limits: options.limits,
      dialled: false,
      local: { ...this.#info.to },
      remote,
      outlet: this.#outlet,
      serverFingerprint: this.#fingerprint,
      check: (connection) =>
        Buffer.from(connection.applicationProto()).equals(Buffer.from(alpn)) ? undefined : { code: 'protocol' },
      onReady: () => {
        settled();
        options.onCarrier(carrier);
      },
      onFailed: (end) => {
        settled();
        options.onRefused(new StreamReset(end));
      },
      onGone: () => {
        for (const key of ids) this.#routes.delete(key);
        this.#closeIfIdle();
      },
      onId: (given, valid) => {
        const key = given.toString('latin1');
        if (valid) this.#routes.set(key, carrier);
        else this.#routes.delete(key);
        if (valid) ids.add(key);
        else ids.delete(key);
      },
      resetTokenOf: (given) => resetToken(this.#resetKey, given),
    });
    return carrier;
  }
}
