import type { TLSSocket } from 'node:tls';
import { type ByteStream, type StreamEnd, StreamReset } from '../byte-stream.js';
import type { Carrier, CarrierStats } from '../carrier.js';
import type { Limits } from '../limits.js';
import { ListenedCarrier } from '../listened-carrier.js';
import { SendLine } from '../send-line.js';
import { decodeReason, encodeReason, lost } from '../stream-end.js';
import { type FrameHandler, FrameReader, frameType, ProtocolError, version } from './frames.js';
import { Heartbeat } from './heartbeat.js';
import { MuxStream } from './mux-stream.js';
import { Outbox } from './outbox.js';
import { receiveOn } from './receive.js';
import { Windows } from './windows.js';

/** Bytes of one stream before it is another's turn. */
const quantum = 32_768;
const maxCredit = 2 ** 31;
const closeWaitMs = 500;
/** Streams that the peer may give up at once, and how many each second after that: opening and resetting costs us more than it. */
const resetBurst = 8_192;
const resetsPerSecond = 512;

interface MuxOptions {
  readonly socket: TLSSocket;
  /** We dialled: our streams have odd numbers. */
  readonly dialled: boolean;
  readonly limits: Limits;
  readonly serverFingerprint: string;
  readonly remoteAddress: string;
  /** The peer's settings came: it is one of ours, and streams may be opened. */
  readonly onReady: () => void;
  /** It ended before that. */
  readonly onFailed: (end: StreamEnd) => void;
}

/** Many streams over one TLS connection. */
export class Mux extends ListenedCarrier<MuxStream> implements Carrier, FrameHandler {
  readonly kind = 'tls';
  readonly serverFingerprint: string;
  readonly remoteAddress: string;
  readonly #socket: TLSSocket;
  readonly #limits: Limits;
  readonly #outbox: Outbox;
  readonly #reader = new FrameReader(this);
  readonly #line = new SendLine<MuxStream>();
  readonly #windows: Windows;
  readonly #streams = new Map<number, MuxStream>();
  readonly #onReady: () => void;
  readonly #onFailed: (end: StreamEnd) => void;
  readonly #heartbeat: Heartbeat;

  #nextOwn: number;
  #nextPeers: number;
  #own = 0;
  #peers = 0;
  #peerAllows = -1;
  #peerWindow = 0;
  #end: StreamEnd | undefined;
  #closed: Promise<void> | undefined;
  #resets = 0;
  #resetsSince = performance.now();
  #bytesIn = 0;

  constructor(options: MuxOptions) {
    super();
    this.#socket = options.socket;
    this.#limits = options.limits;
    this.#onReady = options.onReady;
    this.#onFailed = options.onFailed;
    this.serverFingerprint = options.serverFingerprint;
    this.remoteAddress = options.remoteAddress;
    this.#nextOwn = options.dialled ? 1 : 2;
    this.#nextPeers = options.dialled ? 2 : 1;
    this.#windows = new Windows(options.limits);
    this.#outbox = new Outbox(
      options.socket,
      () => this.#sendQueued(),
      () => this.#fail({ code: 'timeout', detail: 'the peer takes nothing' }),
    );
    const settings = Buffer.alloc(12);
    settings.writeUInt32BE(version, 0);
    settings.writeUInt32BE(options.limits.streams, 4);
    settings.writeUInt32BE(this.#windows.initial, 8);
    this.#outbox.frame(0, frameType.settings, settings);
    this.#socket.setNoDelay(true);
    receiveOn(this.#socket, (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#finish(lost(error.code ?? 'connection error')));
    this.#socket.on('end', () => this.#finish(lost('the peer went away')));
    this.#socket.on('close', () => this.#finish(lost('the connection was closed')));
    this.#heartbeat = new Heartbeat({
      ...{ outbox: this.#outbox, limits: options.limits, isAlive: this.#isAlive },
      onBeat: () => {
        for (const stream of this.#streams.values()) stream.beat();
      },
      onSilence: () => this.#finish({ code: 'timeout', detail: 'nothing was heard of the peer' }),
    });
  }

  open(): ByteStream {
    if (this.#end) throw new StreamReset({ code: 'closed' });
    if (this.#own >= this.#peerAllows)
      throw new StreamReset({ code: 'limit', detail: 'as many streams as the peer takes' });
    const id = this.#nextOwn;
    // The numbers of one connection are used up: 2^31 streams later.
    if (id > 0xffff_fffd) throw new StreamReset({ code: 'limit', detail: 'no more stream numbers' });
    this.#nextOwn += 2;
    this.#own++;
    this.#outbox.frame(id, frameType.open);
    return this.#begin(id);
  }

  close(end: StreamEnd): Promise<void> {
    if (this.#closed) return this.#closed;
    this.#closed = new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
    if (!this.#end) {
      this.#outbox.frame(0, frameType.close, encodeReason(end));
      this.#outbox.flush();
      this.#socket.end();
      this.#end = end;
      process.nextTick(() => this.#abandon());
    }
    return this.#closed;
  }

  stats(): CarrierStats {
    const { rttMs } = this.#heartbeat;
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#outbox.bytesOut,
      streams: this.#streams.size,
      ...(rttMs !== undefined && { rttMs }),
    };
  }

  protected isThere(stream: MuxStream): boolean {
    return !stream.isOver;
  }

  // What the streams use.

  /** As much as may go right away, past nobody who waits; the number of bytes. */
  sendNow(stream: MuxStream, chunk: Uint8Array): number {
    let sent = 0;
    while (sent < chunk.length && stream.credit > 0 && this.#line.isEmpty && this.#outbox.hasRoom) {
      const count = Math.min(quantum, stream.credit, chunk.length - sent);
      stream.credit -= count;
      this.#outbox.frame(stream.id, frameType.data, chunk.subarray(sent, sent + count));
      sent += count;
    }
    return sent;
  }

  queue(stream: MuxStream): void {
    if (stream.credit > 0) this.#line.join(stream);
  }

  sendEnd(stream: MuxStream): void {
    this.#outbox.frame(stream.id, frameType.end);
  }

  sendReset(stream: MuxStream, end: StreamEnd): void {
    if (!this.#end) this.#outbox.frame(stream.id, frameType.reset, encodeReason(end));
  }

  sendCredit(stream: MuxStream, credit: number): void {
    if (!this.#end) this.#outbox.u32(stream.id, frameType.window, credit);
  }

  sendUnused(stream: MuxStream, unused: number): void {
    this.#outbox.u32(stream.id, frameType.unused, unused);
  }

  /** What each stream may send at first. */
  get leastCredit(): number {
    return this.#peerWindow;
  }

  /** What a stream with this window has more than every stream. */
  spareWindow(window: number): number {
    return window - this.#windows.initial;
  }

  returnWindow(bytes: number): void {
    this.#windows.giveBack(bytes);
  }

  resizeWindow(window: number): number {
    return this.#windows.next(window);
  }

  forget(stream: MuxStream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.returnWindow(this.spareWindow(stream.window));
    if (stream.id % 2 === this.#nextOwn % 2) this.#own--;
    else this.#peers--;
  }

  // What the reader calls.

  dataBegins(id: number, length: number): void {
    this.#heard();
    this.#streamOf(id)?.take(length);
  }

  data(id: number, part: Buffer): void {
    this.#streams.get(id)?.receive(part);
  }

  frame(id: number, type: number, payload: Buffer): void {
    this.#heard();
    if (this.#peerAllows < 0) this.#settle(type, payload);
    else if (type === frameType.open) this.#accept(id);
    else if (type === frameType.ping) this.#heartbeat.answer(payload);
    else if (type === frameType.pong) this.#heartbeat.measure(payload);
    else if (type === frameType.close) this.#peerCloses(payload);
    else if (type === frameType.settings) throw new ProtocolError('settings twice');
    else this.#ofStream(id, type, payload);
  }

  #heard(): void {
    if (this.#peerAllows < 0 && this.#reader.type !== frameType.settings)
      throw new ProtocolError('no settings at first');
  }

  #settle(_type: number, payload: Buffer): void {
    if (payload.readUInt32BE(0) !== version) throw new ProtocolError('another version of the protocol');
    this.#peerAllows = payload.readUInt32BE(4);
    this.#peerWindow = payload.readUInt32BE(8);
    if (this.#peerWindow >= maxCredit) throw new ProtocolError('a window of impossible size');
    this.#onReady();
  }

  #accept(id: number): void {
    if (id !== this.#nextPeers) throw new ProtocolError('a stream out of order');
    if (this.#peers >= this.#limits.streams) throw new ProtocolError('too many streams');
    this.#nextPeers += 2;
    this.#peers++;
    this.tellStream(this.#begin(id));
  }

  #ofStream(id: number, type: number, payload: Buffer): void {
    if (type === frameType.reset) this.#countReset();
    const stream = this.#streamOf(id);
    if (!stream) return;
    if (type === frameType.window) this.#moreCredit(stream, payload.readUInt32BE(0));
    else if (type === frameType.end) stream.receiveEnd();
    else if (type === frameType.unused) stream.takeBack(payload.readUInt32BE(0));
    else stream.receiveReset(decodeReason(payload) ?? { code: 'protocol' });
  }

  /** Undefined: it is over on our side, and the peer did not know yet. */
  #streamOf(id: number): MuxStream | undefined {
    const stream = this.#streams.get(id);
    if (stream) return stream;
    const next = id % 2 === this.#nextOwn % 2 ? this.#nextOwn : this.#nextPeers;
    if (id === 0 || id >= next) throw new ProtocolError('a stream that was never opened');
    return undefined;
  }

  #begin(id: number): MuxStream {
    const window = this.#windows.first();
    const stream = new MuxStream(this, id, this.#peerWindow, window);
    this.#streams.set(id, stream);
    if (window > this.#windows.initial) this.sendCredit(stream, window - this.#windows.initial);
    return stream;
  }

  #moreCredit(stream: MuxStream, credit: number): void {
    stream.credit += credit;
    if (credit === 0 || stream.credit >= maxCredit) throw new ProtocolError('credit of impossible size');
    if (stream.outgoing.length === 0) return;
    this.#line.join(stream);
    this.#sendQueued();
  }

  #sendQueued(): void {
    while (this.#outbox.hasRoom && !this.#end) {
      const stream = this.#line.next();
      if (!stream) return;
      const count = Math.min(quantum, stream.credit);
      const bytes = stream.outgoing.peek(count);
      if (stream.isOver || bytes.length === 0) continue;
      stream.credit -= bytes.length;
      this.#outbox.frame(stream.id, frameType.data, bytes);
      stream.outgoing.skip(bytes.length);
      if (stream.outgoing.length > 0 && stream.credit > 0) this.#line.rejoin(stream);
      stream.wentOut();
    }
  }

  #countReset(): void {
    const now = performance.now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsSince) / 1_000) * resetsPerSecond) + 1;
    this.#resetsSince = now;
    if (this.#resets > resetBurst) throw new ProtocolError('too many resets');
  }

  #receive(chunk: Buffer): void {
    this.#bytesIn += chunk.length;
    this.#heartbeat.heard();
    try {
      this.#reader.push(chunk, this.#isAlive);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail({ code: 'protocol', detail: error.message });
    }
  }

  readonly #isAlive = () => this.#end === undefined;

  #peerCloses(payload: Buffer): void {
    this.#socket.end();
    this.#finish(decodeReason(payload) ?? { code: 'protocol' });
  }

  /** The peer broke a rule, or does not take what it must: it is told, and that is all. */
  #fail(end: StreamEnd): void {
    void this.close(end);
  }

  /** The peer or the network ended it. */
  #finish(end: StreamEnd): void {
    if (!this.#end) {
      this.#end = end;
      this.#abandon();
    }
    if (!this.#socket.writableEnded) this.#socket.destroy();
  }

  #abandon(): void {
    const end = this.#end ?? { code: 'closed' };
    this.#heartbeat.stop();
    this.#outbox.close();
    // A peer that does not answer a close with its own does not keep the socket.
    const patience = setTimeout(() => this.#socket.destroy(), closeWaitMs);
    this.#socket.once('close', () => clearTimeout(patience));
    for (const stream of [...this.#streams.values()]) stream.receiveReset(end);
    if (this.#peerAllows < 0) this.#onFailed(end);
    this.tellEnd(end);
  }
}
