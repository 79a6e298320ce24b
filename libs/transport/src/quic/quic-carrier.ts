import { type ByteStream, type StreamEnd, StreamReset } from '../byte-stream.js';
import type { Carrier, CarrierStats } from '../carrier.js';
import { hostPort } from '../host-port.js';
import { ListenedCarrier } from '../listened-carrier.js';
import { encodeReason, lost } from '../stream-end.js';
import { fingerprintOf } from '../trust.js';
import { closeReason } from './close-reason.js';
import { exchangeIds } from './connection-ids.js';
import { ConnectionTimer } from './connection-timer.js';
import type { Connection, Host } from './native.js';
import type { Outlet } from './outlet.js';
import { Paths } from './paths.js';
import type { QuicCarrierOptions } from './quic-carrier-options.js';
import { QuicStream } from './quic-stream.js';
import { resetCode, resetNumber } from './reset-codes.js';
import { ResetNotes } from './reset-notes.js';
import { Sender } from './sender.js';
import { preface, StreamReader } from './stream-reader.js';
import { StreamWriter } from './stream-writer.js';
import { Wear } from './wear.js';

const closeWaitMs = 500;
/** So long a connection that is worn out goes on while another one is dialled. */
const wornMs = 60_000;

/** Many streams over one connection of quiche, driven by datagrams and one timer. */
export class QuicCarrier extends ListenedCarrier<QuicStream> implements Carrier {
  readonly kind = 'quic';
  serverFingerprint: string;
  remoteAddress: string;
  readonly #connection: Connection;
  readonly #options: QuicCarrierOptions;
  readonly #timer: ConnectionTimer;
  readonly #streams = new Map<number, QuicStream>();
  readonly #reader: StreamReader;
  readonly #wanted: QuicStream[] = [];
  #nextOwn: number;
  readonly #writer: StreamWriter;
  #established = false;
  #end: StreamEnd | undefined;
  #gone = false;
  #goneCalls: (() => void)[] = [];
  /** Datagrams of this burst. */
  #heard = 0;
  /** quiche has closed the connection for what the peer has no part in: it can lose its way among paths that come and go. */
  #stumbled = false;
  readonly #paths: Paths;
  readonly #sender: Sender;
  readonly #wear: Wear;
  readonly #notes: ResetNotes;
  /** Streams that we opened and that are not over. */
  #own = 0;
  #allowed = 0;

  constructor(options: QuicCarrierOptions) {
    super();
    this.#options = options;
    this.#connection = options.connection;
    this.serverFingerprint = options.serverFingerprint ?? '';
    this.remoteAddress = hostPort(options.remote.host, options.remote.port);
    this.#paths = new Paths({
      connection: options.connection,
      first: { local: options.local, peer: options.remote },
      onMoved: ({ host, port }) => {
        this.remoteAddress = hostPort(host, port);
      },
      // On a new connection streams go on.
      onLost: (detail) => process.nextTick(() => void this.close(lost(detail))),
    });
    this.#writer = new StreamWriter(options.connection, this.#streams, {
      sent: () => this.#flushSoon(),
      broken: (stream, error) => this.#broken(stream, error),
    });
    this.#reader = new StreamReader(options.quiche, options.connection, this.#streams, options.dialled ? 1 : 0, {
      arrived: (id) => this.#adopt(id),
      broken: (stream, error) => this.#broken(stream, error),
      violated: (end) => this.#closeConnection(end),
    });
    this.#notes = new ResetNotes({
      ...{ connection: options.connection, dialled: options.dialled, streams: options.limits.streams },
      nextPeers: () => this.#reader.nextPeers,
      sent: () => this.#flushSoon(),
      onReset: (id, number) => this.#resetByPeer(this.#streams.get(id), number),
      violated: (end) => this.#closeConnection(end),
    });
    this.#nextOwn = options.dialled ? 0 : 1;
    this.#timer = new ConnectionTimer(options.connection, {
      // Whoever dialled keeps the connection alive; the other only when that fails to.
      keepAliveMs: options.limits.keepAliveMs * (options.dialled ? 1 : 1.5),
      mayMove: options.dialled,
      onFired: () => this.#afterTimeout(),
    });
    this.#sender = new Sender({
      connection: options.connection,
      timer: this.#timer,
      paths: this.#paths,
      outlet: options.outlet,
      idleMs: options.limits.idleMs,
      onBroken: () => this.#giveUp(),
    });
    this.#wear = new Wear({
      allowed: () => this.#allowed,
      known: () => this.#own + this.#placesLeft,
      onWorn: () => process.nextTick(() => this.#tellWorn()),
    });
  }

  /** When the last packet came; `performance.now`. */
  get heardAt(): number {
    return this.#timer.heardAt;
  }

  get isEstablished(): boolean {
    return this.#established;
  }

  open(): ByteStream {
    if (this.#end) throw new StreamReset({ code: 'closed' });
    this.#wear.look();
    if (this.#placesLeft <= 0) {
      throw new StreamReset({ code: 'limit', detail: 'as many streams as the peer takes' });
    }
    const stream = new QuicStream(this, this.#nextOwn);
    this.#nextOwn += 4;
    this.#streams.set(stream.id, stream);
    this.#own++;
    stream.write(preface);
    this.#writer.opened(stream);
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

  protected isThere(stream: QuicStream): boolean {
    return this.#streams.get(stream.id) === stream;
  }

  // What the socket calls.

  /** One datagram, which is overwritten. @param info where it came from, and to; may be reused by the caller */
  receive(datagram: Buffer, info: { readonly from: Host; readonly to: Host }): void {
    if (this.#gone) return;
    try {
      this.#connection.recv(datagram, info);
    } catch (error) {
      // Not understood: either dropped, or quiche has closed the connection and says so below.
      this.#stumbled ||= (error as Error).message === 'InvalidState';
    }
    if (++this.#heard > 1) return;
    // All datagrams that wait are read before any of them is acted on.
    setImmediate(this.#afterBurst);
  }

  /** The first flight. */
  start(): void {
    this.#sender.now();
  }

  /** Something hints that the peer may be gone: ask it now, and do not wait long. */
  suspect(withinMs: number): void {
    if (this.#end || this.#gone) return;
    const since = performance.now();
    const heardNothing = () => {
      if (this.#end || this.#gone || this.#timer.heardAt > since) return;
      void this.close(lost('the peer does not answer any more'));
    };
    setTimeout(heardNothing, withinMs).unref();
    this.#connection.sendAckEliciting();
    this.#flushSoon();
  }

  /** Goes on from another local address. False: not now, for want of a spare id. */
  migrate(outlet: Outlet, local: Host, remote: Host): boolean {
    if (!this.#established || this.#end || this.#gone) return false;
    try {
      this.#connection.migrate(local, remote);
      this.#sender.outlet = outlet;
      this.#paths.moved({ local, peer: remote });
      this.#flushSoon();
      return true;
    } catch {
      return false;
    }
  }

  // What the streams use.

  sendNow(stream: QuicStream, chunk: Uint8Array): number {
    return this.#end ? chunk.length : this.#writer.send(stream, chunk);
  }

  sendFin(stream: QuicStream): boolean {
    return this.#end !== undefined || this.#writer.fin(stream);
  }

  queue(stream: QuicStream): void {
    this.#writer.queue(stream);
  }

  readSoon(stream: QuicStream): void {
    if (this.#wanted.push(stream) > 1) return;
    process.nextTick(() => {
      for (const wanted of this.#wanted.splice(0)) {
        if (!this.#gone) this.#reader.read(wanted);
      }
      this.#flushSoon();
    });
  }

  reset(stream: QuicStream, end: StreamEnd): void {
    if (this.#gone || !this.#shutDown(stream, end) || this.#end) return;
    this.#notes.write(stream.id, resetNumber(end.code));
  }

  /** @returns whether quiche knew of it, and a direction was not over */
  #shutDown(stream: QuicStream, end: StreamEnd): boolean {
    const { Shutdown } = this.#options.quiche;
    let isKnown = false;
    for (const direction of [Shutdown.Read, Shutdown.Write]) {
      try {
        this.#connection.streamShutdown(stream.id, direction, resetNumber(end.code));
        isKnown = true;
        if (direction === Shutdown.Write) this.#wear.count();
      } catch {
        // That direction is over.
      }
    }
    this.#flushSoon();
    return isKnown;
  }

  forget(stream: QuicStream): void {
    if (this.#streams.delete(stream.id) && stream.id % 4 === this.#nextOwn % 4) this.#own--;
    this.#reader.forget(stream);
    this.#writer.forget(stream);
  }

  /** Streams that the peer still takes. */
  get #placesLeft(): number {
    return this.#connection.peerStreamsLeftBidi() - this.#writer.unborn;
  }

  readonly #isAlive = (): boolean => this.#end === undefined && !this.#gone;

  // One turn.

  readonly #afterBurst = (): void => {
    const datagrams = this.#heard;
    this.#heard = 0;
    if (this.#gone) return;
    this.#timer.heard(datagrams);
    if (!this.#established && this.#connection.isEstablished()) this.#establish();
    const hadData = this.#connection.isReadable();
    if (this.#connection.isDraining() || this.#connection.isClosed()) this.#ended();
    else if (this.#established && !this.#end) this.#work();
    if (datagrams === 1 && this.#established && !this.#end) this.#sender.answer(hadData);
    // What was passed on to others goes out before our acknowledgement does.
    else this.#flushSoon();
  };

  #work(): void {
    this.#keepHouse();
    this.#notes.readAll();
    this.#reader.readAll(this.#isAlive);
    if (this.#end) return;
    this.#notes.pump();
    this.#writer.pump();
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
    this.#sender.datagram = this.#connection.maxSendUdpPayloadSize();
    this.#allowed = this.#connection.peerStreamsLeftBidi();
    this.#keepHouse();
    this.#options.onReady();
  }

  /** Ids given and taken back, and where the peer is now. */
  #keepHouse(): void {
    exchangeIds(this.#connection, this.#options);
    this.#paths.follow();
  }

  /** A stream that the peer opened; who is to have it may not be there yet. */
  #adopt(id: number): QuicStream {
    const stream = new QuicStream(this, id);
    this.#streams.set(id, stream);
    this.tellStream(stream);
    const number = this.#notes.arrived(id);
    if (number !== undefined) process.nextTick(() => this.#resetByPeer(stream, number));
    return stream;
  }

  #broken(stream: QuicStream, error: unknown): void {
    this.#resetByPeer(stream, Number(/Stream(?:Reset|Stopped)\((\d{1,16})\)/.exec((error as Error).message)?.[1]));
  }

  /** @param number of its reset; `internal` for one that is not known */
  #resetByPeer(stream: QuicStream | undefined, number: number): void {
    if (this.#gone || !stream || this.#streams.get(stream.id) !== stream) return;
    this.#shutDown(stream, { code: 'cancelled' });
    stream.receiveReset({ code: resetCode(number) });
  }

  #flushSoon(): void {
    if (this.#heard === 0) this.#sender.soon();
  }

  #giveUp(): void {
    if (!this.#end) {
      this.#end = lost('the connection is broken');
      this.#abandon();
    }
    this.#leave();
  }

  #afterTimeout(): void {
    if (this.#gone) return;
    if (this.#connection.isClosed()) this.#ended();
    if (this.#established && !this.#end) this.#work();
    this.#sender.afterTimeout();
  }

  // The end.

  #tellWorn(): void {
    if (this.#end) return;
    const end = () => void this.close(lost('the connection is worn out'));
    if (this.onWorn) {
      setTimeout(end, wornMs).unref();
      this.onWorn();
    } else end();
  }

  #closeConnection(end: StreamEnd): void {
    try {
      this.#connection.close(true, resetNumber(end.code), encodeReason(end));
    } catch {
      // It was closing already.
    }
    this.#sender.now();
    setTimeout(() => this.#leave(), closeWaitMs).unref();
  }

  /** The connection is draining or closed, by whomever. */
  #ended(): void {
    if (!this.#end) {
      const end = closeReason(this.#connection);
      this.#end = this.#stumbled && end.code === 'protocol' ? lost('the connection is broken') : end;
      this.#abandon();
    }
    if (this.#connection.isClosed()) this.#leave();
  }

  #abandon(): void {
    const end = this.#end ?? { code: 'closed' };
    for (const stream of [...this.#streams.values()]) stream.receiveReset(end);
    if (!this.#established) this.#options.onFailed(end);
    this.tellEnd(end);
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#timer.stop();
    this.#sender.stop();
    this.#wear.stop();
    this.#options.onGone();
    for (const call of this.#goneCalls.splice(0)) call();
  }
}
