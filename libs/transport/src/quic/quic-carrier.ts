import { randomBytes } from 'node:crypto';
import { type ByteStream, type StreamEnd, StreamReset } from '../byte-stream.js';
import type { Carrier, CarrierStats } from '../carrier.js';
import type { Limits } from '../limits.js';
import { SendLine } from '../send-line.js';
import { decodeReason, encodeReason } from '../stream-end.js';
import { hostPort } from '../tls/serve.js';
import { fingerprintOf } from '../trust.js';
import { ConnectionTimer } from './connection-timer.js';
import type { Connection, Host, Quiche } from './native.js';
import type { Outlet } from './outlet.js';
import { asBigInt, idBytes } from './packets.js';
import { QuicStream } from './quic-stream.js';
import { resetCode, resetNumber } from './reset-codes.js';

/** Bytes of one stream before it is another's turn. */
const quantum = 32_768;
/** Streams in a row that may send nothing: then the connection's window is full, and the rest need not be asked. */
const fruitless = 16;
/** Bytes that go out before others have their turn in the event loop. */
const burstBytes = 131_072;
/** Half-closed streams that are asked in one turn whether the peer still wants to read. */
const stopsPerTurn = 64;
const closeWaitMs = 500;
/** The first byte of every stream: a stream of QUIC is there only once something was sent on it. */
const preface = Buffer.of(1);
const nothing = Buffer.alloc(0);
/** What streams give is lent to their readers from here: nobody reads while somebody reads. */
const readBuffer = Buffer.allocUnsafeSlow(131_072);

export interface QuicCarrierOptions {
  readonly quiche: Quiche;
  readonly connection: Connection;
  readonly limits: Limits;
  readonly dialled: boolean;
  readonly remote: Host;
  readonly outlet: Outlet;
  /** Of the server's own certificate; a client learns it. */
  readonly serverFingerprint?: string;
  /** The handshake is done. @returns why the peer is not wanted, all the same */
  readonly check: (connection: Connection) => StreamEnd | undefined;
  readonly onReady: () => void;
  /** It ended before that. */
  readonly onFailed: (end: StreamEnd) => void;
  /** Nothing will be sent or understood any more. */
  readonly onGone: () => void;
  /** Packets with this id are for this connection, or no longer. */
  readonly onId?: (id: Buffer, valid: boolean) => void;
  /** Lets the server end what it has forgotten. */
  readonly resetTokenOf?: (id: Buffer) => Buffer;
}

/** Many streams over one connection of quiche, driven by datagrams and one timer. */
export class QuicCarrier implements Carrier {
  readonly kind = 'quic';
  serverFingerprint: string;
  remoteAddress: string;
  outlet: Outlet;
  readonly #connection: Connection;
  readonly #options: QuicCarrierOptions;
  readonly #timer: ConnectionTimer;
  readonly #line = new SendLine<QuicStream>();
  readonly #streams = new Map<number, QuicStream>();
  readonly #halfClosed = new Set<QuicStream>();
  readonly #early = new Set<number>();
  readonly #prefaceDue = new Set<number>();
  readonly #wanted: QuicStream[] = [];
  #unclaimed: QuicStream[] = [];
  #onStream: ((stream: ByteStream) => void) | undefined;
  #onClose: ((end: StreamEnd) => void) | undefined;
  #nextOwn: number;
  #nextPeers: number;
  /** Opened by us, but quiche does not count them yet. */
  readonly #unborn = new Set<QuicStream>();
  #established = false;
  #end: StreamEnd | undefined;
  #told = false;
  #gone = false;
  #goneCalls: (() => void)[] = [];
  #heard = false;
  #dirty = false;
  #datagram = 1_200;
  #oldestPeerId = 0;

  constructor(options: QuicCarrierOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.outlet = options.outlet;
    this.serverFingerprint = options.serverFingerprint ?? '';
    this.remoteAddress = hostPort(options.remote.host, options.remote.port);
    this.#nextOwn = options.dialled ? 0 : 1;
    this.#nextPeers = options.dialled ? 1 : 0;
    // Whoever dialled keeps the connection alive; the other only when that fails to.
    const keepAliveMs = options.limits.keepAliveMs * (options.dialled ? 1 : 1.5);
    this.#timer = new ConnectionTimer(options.connection, keepAliveMs, () => this.#afterTimeout());
  }

  get onStream(): (stream: ByteStream) => void {
    return this.#onStream ?? (() => {});
  }

  set onStream(callback: (stream: ByteStream) => void) {
    this.#onStream = callback;
    if (this.#unclaimed.length > 0) process.nextTick(() => this.#offer());
  }

  get onClose(): (end: StreamEnd) => void {
    return this.#onClose ?? (() => {});
  }

  set onClose(callback: (end: StreamEnd) => void) {
    this.#onClose = callback;
    if (this.#end) process.nextTick(() => this.#tellClose());
  }

  get isEstablished(): boolean {
    return this.#established;
  }

  open(): ByteStream {
    if (this.#end) throw new StreamReset({ code: 'closed' });
    if (this.#connection.peerStreamsLeftBidi() - this.#unborn.size <= 0) {
      throw new StreamReset({ code: 'limit', detail: 'as many streams as the peer takes' });
    }
    const stream = new QuicStream(this, this.#nextOwn, true);
    this.#nextOwn += 4;
    this.#streams.set(stream.id, stream);
    stream.write(preface);
    if (stream.outgoing.length > 0) this.#unborn.add(stream);
    return stream;
  }

  close(end: StreamEnd): Promise<void> {
    if (!this.#end) {
      this.#end = end;
      this.#closeConnection(end);
      process.nextTick(() => this.#abandon());
    }
    if (this.#gone) return Promise.resolve();
    return new Promise((resolve) => this.#goneCalls.push(resolve));
  }

  stats(): CarrierStats {
    const { recvBytes, sentBytes, lost } = this.#connection.stats();
    const path = this.#connection.pathStats().find(({ active }) => active);
    return {
      bytesIn: recvBytes,
      bytesOut: sentBytes,
      streams: this.#streams.size,
      lostPackets: lost,
      ...(path && { rttMs: path.rtt }),
    };
  }

  // What the socket calls.

  /** One datagram, which is overwritten. @param info where it came from, and to; may be reused by the caller */
  receive(datagram: Buffer, info: { readonly from: Host; readonly to: Host }): void {
    if (this.#gone) return;
    try {
      this.#connection.recv(datagram, info);
    } catch {
      // Not understood: either dropped, or quiche has closed the connection and says so below.
    }
    if (this.#heard) return;
    this.#heard = true;
    // All datagrams that wait are read before any of them is acted on.
    setImmediate(this.#afterBurst);
  }

  /** The first flight. */
  start(): void {
    this.#flush();
  }

  /** Something hints that the peer may be gone: ask it now, and do not wait long. */
  suspect(withinMs: number): void {
    if (this.#end || this.#gone) return;
    const since = performance.now();
    const heardNothing = () => {
      if (this.#end || this.#gone || this.#timer.heardAt > since) return;
      void this.close({ code: 'lost', detail: 'the peer does not answer any more' });
    };
    setTimeout(heardNothing, withinMs).unref();
    this.#connection.sendAckEliciting();
    this.#flushSoon();
  }

  /** Goes on from another local address. False: not now, for want of a spare id. */
  migrate(outlet: Outlet, local: Host, remote: Host): boolean {
    if (!this.#established || this.#end || this.#gone) return false;
    try {
      const used = this.#connection.migrate(local, remote);
      this.outlet = outlet;
      this.#retirePeerIds(used);
      this.#flushSoon();
      return true;
    } catch {
      return false;
    }
  }

  // What the streams use.

  sendNow(stream: QuicStream, chunk: Uint8Array): number {
    if (this.#end) return chunk.length;
    try {
      const sent = this.#connection.streamSend(stream.id, chunk, false) ?? 0;
      if (sent > 0) this.#flushSoon();
      return sent;
    } catch (error) {
      process.nextTick(() => this.#broken(stream, error));
      return chunk.length;
    }
  }

  sendFin(stream: QuicStream): boolean {
    if (this.#end) return true;
    try {
      const sent = this.#connection.streamSend(stream.id, nothing, true) !== null;
      if (sent) this.#flushSoon();
      return sent;
    } catch (error) {
      process.nextTick(() => this.#broken(stream, error));
      return true;
    }
  }

  queue(stream: QuicStream): void {
    this.#line.join(stream);
  }

  readSoon(stream: QuicStream): void {
    if (this.#wanted.push(stream) > 1) return;
    process.nextTick(() => {
      for (const wanted of this.#wanted.splice(0)) this.#read(wanted);
      this.#flushSoon();
    });
  }

  shutDown(stream: QuicStream, end: StreamEnd): void {
    if (this.#gone) return;
    const { Shutdown } = this.#options.quiche;
    for (const direction of [Shutdown.Read, Shutdown.Write]) {
      try {
        this.#connection.streamShutdown(stream.id, direction, resetNumber(end.code));
      } catch {
        // That direction is over.
      }
    }
    this.#flushSoon();
  }

  forget(stream: QuicStream): void {
    this.#streams.delete(stream.id);
    this.#halfClosed.delete(stream);
    this.#prefaceDue.delete(stream.id);
    this.#unborn.delete(stream);
  }

  // One turn.

  readonly #afterBurst = (): void => {
    this.#heard = false;
    if (this.#gone) return;
    this.#timer.heard();
    if (!this.#established && this.#connection.isEstablished()) this.#establish();
    if (this.#connection.isDraining() || this.#connection.isClosed()) this.#ended();
    else if (this.#established && !this.#end) this.#work();
    this.#flush();
  };

  #work(): void {
    this.#keepHouse();
    for (const id of this.#connection.readable()) {
      const stream = this.#streams.get(id);
      if (stream) this.#read(stream);
      else this.#arrive(id);
      if (this.#end) return;
    }
    if (this.#halfClosed.size > 0) this.#findStops();
    this.#pump();
  }

  #establish(): void {
    this.#established = true;
    const leaf = this.#connection.peerCertChain()?.[0];
    if (this.#options.dialled) this.serverFingerprint = leaf ? fingerprintOf(leaf) : '';
    const refusal = this.#options.check(this.#connection);
    if (refusal) {
      this.#established = false;
      void this.close(refusal);
      return;
    }
    this.#datagram = this.#connection.maxSendUdpPayloadSize();
    this.#keepHouse();
    this.#options.onReady();
  }

  /** Ids given and taken back, and where the peer is now. */
  #keepHouse(): void {
    const connection = this.#connection;
    for (let retired = connection.retiredScidNext(); retired; retired = connection.retiredScidNext()) {
      this.#options.onId?.(Buffer.from(retired), false);
    }
    while (connection.sourceCidsLeft() > 0) {
      const id = randomBytes(idBytes);
      connection.newSourceCid(id, asBigInt(this.#options.resetTokenOf?.(id) ?? randomBytes(16)), false);
      this.#options.onId?.(id, true);
    }
    for (let event = connection.pathEventNext(); event; event = connection.pathEventNext()) {
      if (event.type !== 'PeerMigrated') continue;
      this.remoteAddress = hostPort(event.new.host, event.new.port);
      this.#retirePeerIds(this.#oldestPeerId + 1);
    }
  }

  /** The ids that the path we left was using are given back, so that the peer sends others. */
  #retirePeerIds(firstKept: number): void {
    for (; this.#oldestPeerId < firstKept; this.#oldestPeerId++) {
      try {
        this.#connection.retireDestinationCid(this.#oldestPeerId);
      } catch {
        // It is in use, or given back.
      }
    }
  }

  /** A stream of the peer's that we do not know; handed out in order (RFC 9000 2.1: it opened all below, too). */
  #arrive(id: number): void {
    const isPeers = id % 4 === this.#nextPeers % 4;
    if (!isPeers || id < this.#nextPeers) {
      this.#discard(id);
      return;
    }
    this.#early.add(id);
    while (this.#early.delete(this.#nextPeers)) {
      const stream = new QuicStream(this, this.#nextPeers, false);
      this.#nextPeers += 4;
      this.#streams.set(stream.id, stream);
      this.#prefaceDue.add(stream.id);
      if (this.#onStream && this.#unclaimed.length === 0) this.#onStream(stream);
      else this.#unclaimed.push(stream);
      this.#read(stream);
    }
  }

  /** It is over here, and the peer did not know yet. */
  #discard(id: number): void {
    try {
      this.#connection.streamShutdown(id, this.#options.quiche.Shutdown.Read, resetNumber('cancelled'));
      while (this.#connection.streamRecv(id, readBuffer)) {}
    } catch {
      // It is over for quiche, too.
    }
  }

  #read(stream: QuicStream): void {
    if (this.#gone || this.#streams.get(stream.id) !== stream) return;
    try {
      // Asks for no byte, only whether there was a reset: it is told to readers that pause, too.
      if (!stream.wantsData && !stream.endSeen) {
        stream.endSeen = this.#connection.streamRecv(stream.id, nothing)?.[1] ?? false;
      }
      if (stream.endSeen && stream.wantsData) this.#deliver(stream, 0, true);
      while (stream.wantsData) {
        const read = this.#connection.streamRecv(stream.id, readBuffer);
        if (!read) return;
        this.#deliver(stream, read[0], read[1]);
      }
    } catch (error) {
      if (!isStreamError(error)) throw error;
      this.#broken(stream, error);
    }
  }

  #deliver(stream: QuicStream, length: number, isLast: boolean): void {
    let from = 0;
    if (length > 0 && this.#prefaceDue.delete(stream.id)) {
      from = 1;
      if (readBuffer[0] !== preface[0]) {
        this.#closeConnection({ code: 'protocol', detail: 'a stream that does not begin as streams do' });
        return;
      }
    }
    if (length > from) stream.onData(readBuffer.subarray(from, length));
    if (!isLast) return;
    stream.receiveEnd();
    if (stream.isHalfClosed) this.#halfClosed.add(stream);
  }

  #broken(stream: QuicStream, error: unknown): void {
    if (this.#streams.get(stream.id) !== stream) return;
    const number = /Stream(?:Reset|Stopped)\((\d{1,16})\)/.exec((error as Error).message)?.[1];
    this.shutDown(stream, { code: 'cancelled' });
    stream.receiveReset({ code: number === undefined ? 'internal' : resetCode(Number(number)) });
  }

  /** Where the peer's direction has ended, its reset shows only in ours (RFC 9000 3.5). */
  #findStops(): void {
    let left = Math.min(stopsPerTurn, this.#halfClosed.size);
    for (const stream of this.#halfClosed) {
      if (left-- === 0) return;
      this.#halfClosed.delete(stream);
      try {
        this.#connection.streamCapacity(stream.id);
        this.#halfClosed.add(stream);
      } catch (error) {
        this.#broken(stream, error);
      }
    }
  }

  #pump(): void {
    for (let misses = 0; misses < fruitless; ) {
      const stream = this.#line.next();
      if (!stream) return;
      if (this.#streams.get(stream.id) !== stream) continue;
      const bytes = stream.outgoing.peek(quantum);
      const sent = bytes.length > 0 ? this.sendNow(stream, bytes) : 0;
      if (sent > 0) {
        stream.outgoing.skip(sent);
        this.#unborn.delete(stream);
      }
      if (sent < bytes.length) misses++;
      if (stream.outgoing.length > 0) this.#line.rejoin(stream);
      else if (bytes.length === 0) misses++;
      stream.wentOut();
    }
  }

  #flushSoon(): void {
    if (this.#dirty || this.#heard) return;
    this.#dirty = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#dirty = false;
    if (this.#gone) return;
    const { outlet } = this;
    const connection = this.#connection;
    let left = burstBytes;
    while (left > 0 && !outlet.isFull) {
      const packet = connection.send(outlet.room(this.#datagram));
      if (!packet) break;
      const [length, { to }] = packet;
      outlet.send(length, to.host, to.port);
      left -= length;
    }
    outlet.finish();
    if (left <= 0 || outlet.isFull) this.#flushLater();
    this.#timer.arm();
  };

  #flushLater(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    setImmediate(this.#flush);
  }

  #afterTimeout(): void {
    if (this.#gone) return;
    if (this.#connection.isClosed()) this.#ended();
    if (this.#established && !this.#end) this.#work();
    this.#flush();
  }

  // The end.

  #closeConnection(end: StreamEnd): void {
    try {
      this.#connection.close(true, resetNumber(end.code), encodeReason(end));
    } catch {
      // It was closing already.
    }
    this.#flush();
    setTimeout(() => this.#leave(), closeWaitMs).unref();
  }

  /** The connection is draining or closed, by whomever. */
  #ended(): void {
    if (!this.#end) {
      this.#end = this.#reason();
      this.#abandon();
    }
    if (this.#connection.isClosed()) this.#leave();
  }

  #reason(): StreamEnd {
    if (this.#connection.isTimedOut()) return { code: 'timeout', detail: 'nothing was heard of the peer' };
    const peers = this.#connection.peerError();
    if (peers?.isApp) return decodeReason(peers.reason) ?? { code: resetCode(peers.errorCode) };
    if (peers) return { code: 'lost', detail: `the peer closed the connection (QUIC error ${peers.errorCode})` };
    const own = this.#connection.localError();
    if (own?.isApp) return decodeReason(own.reason) ?? { code: 'protocol' };
    if (own && isCertificateAlert(own.errorCode)) {
      return { code: 'certificate', detail: `the server's certificate is not trusted (alert ${own.errorCode - 256})` };
    }
    if (own) return { code: 'protocol', detail: `QUIC error ${own.errorCode}` };
    return { code: 'lost', detail: 'the peer has forgotten the connection' };
  }

  #abandon(): void {
    const end = this.#end ?? { code: 'closed' };
    this.#unclaimed = [];
    for (const stream of [...this.#streams.values()]) stream.receiveReset(end);
    if (!this.#established) this.#options.onFailed(end);
    this.#tellClose();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#timer.stop();
    this.#options.onGone();
    for (const call of this.#goneCalls.splice(0)) call();
  }

  #tellClose(): void {
    if (!this.#end || !this.#onClose || this.#told) return;
    this.#told = true;
    this.#onClose(this.#end);
  }

  #offer(): void {
    for (const stream of this.#unclaimed.splice(0)) {
      if (this.#streams.get(stream.id) === stream) this.#onStream?.(stream);
    }
  }
}

/** As quiche spells them; the binding has one class of errors. */
const isStreamError = (error: unknown): boolean =>
  /^(StreamReset|StreamStopped|InvalidStreamState|FinalSize)\b/.test((error as Error).message);

/** TLS alerts 42 to 48, as QUIC numbers them (RFC 9001 4.8). */
const isCertificateAlert = (code: number): boolean => code >= 0x100 + 42 && code <= 0x100 + 48;
