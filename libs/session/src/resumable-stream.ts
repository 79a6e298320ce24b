import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import { closeGently, giveUp } from './resumable/close-gently.js';
import { ImpossibleClaim, Incoming } from './resumable/incoming.js';
import { Outgoing } from './resumable/outgoing.js';
import {
  headerOf,
  maxDataBytes,
  ResumeParser,
  resetFrame,
  resumeHeaderBytes,
  resumeTypes,
  writeHeader,
} from './resumable/resume-frames.js';
import { SilenceWatch } from './resumable/silence-watch.js';

/** Bytes per direction that the peer's callee did not take yet: both sides must know the same number. */
export const resumeWindow = 4 * 1_024 * 1_024;
/** What was taken is told after this part of the window, or this time. */
const ackParts = 16;
const ackAfterMs = 100;

export interface ResumableOptions {
  /** What the callee is told when nobody came back in time: `client_lost` on the device, `device_lost` at the client. */
  readonly lost: 'client_lost' | 'device_lost';
  /** 4 MiB unless given. */
  readonly window?: number;
  /** How long a stream without a carrier is kept; 60 s unless given. */
  readonly graceMs?: number;
  /** A peer that says nothing for so long is asked, and after as long again its carrier is given up. Unless given, never. */
  readonly silenceMs?: number;
}

/** How a carrier goes on where another one broke off. */
export interface Attachment {
  /** What the peer says that it received: the `received` of its own stream. */
  readonly peerReceived: number;
  /** What it was told that we received; more may have come since then over the carrier before. */
  readonly told: number;
}

/**
 * A byte stream that outlives its carrier. Everything is kept until the peer's callee took it; when the stream below breaks off,
 * another one is attached, and both sides send again from what the other has. Byte-exact: nothing is lost, nothing is doubled.
 *
 * The window is one bound for both ends: the writer keeps no more, the reader holds no more while it is paused. Reading the stream
 * below is never paused, so that acknowledgements are not held up.
 *
 * @example
 * const stream = new ResumableStream({ lost: 'device_lost' });
 * stream.onDetached = () => redial((lower, peerReceived) => stream.attach(lower, { peerReceived, told: stream.received }));
 */
export class ResumableStream implements ByteStream {
  onData: ByteStream['onData'] = () => undefined;
  onEnd: ByteStream['onEnd'] = () => undefined;
  /** After `onEnd`, too, while this side has not ended: nobody reads any more. */
  onReset: ByteStream['onReset'] = () => undefined;
  onDrain: ByteStream['onDrain'] = () => undefined;
  /** For the owner: the stream below broke off, as it says. Not called when the stream is over. */
  onDetached: (end: StreamEnd) => void = () => undefined;
  /** For the owner: the stream is over, in order (undefined) or not. Nothing can be attached any more. Once. */
  onOver: (end: StreamEnd | undefined) => void = () => undefined;

  readonly #in: Incoming;
  readonly #out: Outgoing;
  readonly #window: number;
  readonly #silence: SilenceWatch;
  #lower: ByteStream | undefined;
  #parser: ResumeParser | undefined;
  #canSend = false;
  #owesDrain = false;
  #owesAck = false;
  #acked = 0;
  #isPaused = false;
  #isOver = false;
  #graceTimer: NodeJS.Timeout | undefined;
  #ackTimer: NodeJS.Timeout | undefined;
  readonly #header = Buffer.alloc(resumeHeaderBytes);

  constructor(private readonly options: ResumableOptions) {
    this.#window = options.window ?? resumeWindow;
    this.#in = new Incoming(this.#window);
    this.#out = new Outgoing(this.#window);
    this.#silence = new SilenceWatch(options.silenceMs, {
      ask: () => {
        if (this.#canSend) this.#canSend = !!this.#lower?.write(headerOf(resumeTypes.ping, 0));
      },
      giveUp: () => this.#detach({ code: 'timeout', detail: 'nothing was heard' }),
    });
    this.#waitForCarrier();
  }

  /** What the peer need not send again. Told to it when a carrier is attached. */
  get received(): number {
    return this.#in.mark;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether what is written now still goes out. */
  get isWritable(): boolean {
    return !this.#isOver && !this.#out.isEnded;
  }

  get isAttached(): boolean {
    return this.#lower !== undefined;
  }

  /** Goes on over `lower`, whose callbacks are taken; a stream that was attached before is given up. */
  attach(lower: ByteStream, { peerReceived, told }: Attachment) {
    if (this.#isOver) return giveUp(lower, { code: 'cancelled' });
    this.#drop({ code: 'replaced' });
    try {
      this.#out.restart(peerReceived);
      this.#in.restart(told);
    } catch {
      return this.#fail(lower);
    }
    clearTimeout(this.#graceTimer);
    this.#lower = lower;
    this.#canSend = true;
    this.#listen(lower);
    this.#silence.begin();
    // The first words over every carrier, in either direction: they show that the channel's key is known.
    this.#ack();
    this.#send();
    queueMicrotask(() => this.#checkDrain());
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || this.#out.isEnded) return true;
    this.#out.write(chunk);
    this.#send();
    this.#owesDrain ||= !this.#out.hasRoom;
    return !this.#owesDrain;
  }

  end(): void {
    if (this.#isOver || this.#out.isEnded) return;
    this.#out.end();
    this.#send();
  }

  reset(end: StreamEnd): void {
    if (this.#isOver) return;
    this.#finish(end);
  }

  /** Gives the stream up from outside: the peer is told, and the callee, too. */
  cut(end: StreamEnd): void {
    this.#lose(end);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    queueMicrotask(() => this.#deliver());
  }

  #listen(lower: ByteStream): void {
    const lost = (end: StreamEnd) => {
      if (this.#lower === lower) this.#detach(end);
    };
    // Impossible claims come out of the sink's calls.
    const claims =
      <Args extends unknown[]>(take: (...args: Args) => void) =>
      (...args: Args) => {
        try {
          take(...args);
        } catch (error) {
          if (!(error instanceof ImpossibleClaim)) throw error;
          this.#fail();
        }
      };
    const parser = new ResumeParser({
      data: claims((offset, bytes) => this.#take(offset, bytes)),
      end: claims((offset) => {
        this.#in.acceptEnd(offset);
        this.#deliver();
      }),
      ack: claims((offset) => this.#acknowledged(offset)),
      reset: (end) => this.#reset(end),
      ping: () => this.#ack(),
      broken: () => this.#fail(),
    });
    this.#parser = parser;
    lower.onData = (chunk) => {
      this.#silence.heard();
      parser.push(chunk);
    };
    lower.onDrain = () => {
      this.#canSend = true;
      if (this.#owesAck) this.#ack();
      this.#send();
      this.#checkDrain();
      this.#checkDone();
    };
    lower.onEnd = () => lost({ code: 'closed' });
    lower.onReset = lost;
  }

  /** As much as window and carrier take. */
  #send(): void {
    const lower = this.#lower;
    if (!lower) return;
    while (this.#canSend) {
      const next = this.#out.next(maxDataBytes);
      if (!next) break;
      lower.write(writeHeader(this.#header, resumeTypes.data, next.bytes.byteLength, next.offset));
      this.#canSend = lower.write(next.bytes);
    }
    const endAt = this.#canSend ? this.#out.takeEnd() : undefined;
    if (endAt !== undefined) this.#canSend = lower.write(headerOf(resumeTypes.end, endAt));
  }

  #take(offset: number, bytes: Uint8Array) {
    const fresh = this.#in.accept(offset, bytes);
    if (!fresh) return;
    if (this.#isPaused || this.#in.holds) return this.#in.hold(fresh);
    this.#give(fresh);
  }

  #give(bytes: Uint8Array): void {
    this.onData(bytes);
    if (this.#isOver) return;
    this.#in.consumed += bytes.byteLength;
    if (this.#in.consumed - this.#acked >= this.#window / ackParts) this.#ack();
    else this.#ackTimer ??= setTimeout(() => this.#ack(), ackAfterMs).unref();
  }

  /** What was held while nobody took it, and then the end. */
  #deliver(): void {
    while (!this.#isPaused && !this.#isOver) {
      const held = this.#in.next();
      if (!held) break;
      this.#give(held);
    }
    if (this.#isPaused || this.#isOver || !this.#in.takeEnd()) return;
    this.onEnd();
    if (this.#isOver) return;
    this.#ack();
    this.#checkDone();
  }

  /** Tells what was taken; later, while the carrier takes nothing. */
  #ack(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#owesAck = !this.#canSend;
    if (!this.#lower || !this.#canSend) return;
    this.#acked = this.#in.consumedMark;
    this.#canSend = this.#lower.write(headerOf(resumeTypes.ack, this.#acked));
  }

  #acknowledged(offset: number): void {
    this.#out.acknowledge(offset);
    this.#send();
    this.#checkDrain();
    this.#checkDone();
  }

  #checkDrain(): void {
    if (!this.#owesDrain || this.#isOver || !this.#out.hasMuchRoom) return;
    this.#owesDrain = false;
    this.onDrain();
  }

  #checkDone(): void {
    if (!this.#isOver && this.#out.isDone && this.#in.isEndTaken && !this.#owesAck) this.#finish(undefined);
  }

  /** The peer gave the stream up. */
  #reset(end: StreamEnd): void {
    this.#drop(end);
    this.#lose(end);
  }

  /** What the peer says cannot be: both sides give up. */
  #fail(lower = this.#lower): void {
    const end: StreamEnd = { code: 'protocol', detail: 'impossible offsets' };
    this.#lower = lower;
    this.#finish(end);
    queueMicrotask(() => this.#tell(end));
  }

  /** It is over without our doing: the callee is told while it still reads or writes. */
  #lose(end: StreamEnd): void {
    if (this.#isOver) return;
    this.#finish(end);
    this.#tell(end);
  }

  #tell(end: StreamEnd): void {
    if (!this.#in.isEndTaken || !this.#out.isEnded) this.onReset(end);
  }

  #finish(end: StreamEnd | undefined): void {
    this.#isOver = true;
    for (const timer of [this.#graceTimer, this.#ackTimer]) clearTimeout(timer);
    this.#silence.end();
    this.#parser?.stop();
    this.#in.forget();
    this.#out.forget();
    const lower = this.#lower;
    this.#lower = undefined;
    if (lower) {
      if (end) lower.write(resetFrame(end));
      closeGently(lower, end ?? { code: 'closed' });
    }
    this.onOver(end);
  }

  #detach(end: StreamEnd): void {
    this.#drop(end);
    this.#waitForCarrier();
    this.onDetached(end);
  }

  #drop(end: StreamEnd): void {
    const lower = this.#lower;
    this.#lower = undefined;
    this.#parser?.stop();
    this.#canSend = false;
    this.#silence.end();
    if (lower) giveUp(lower, end);
  }

  #waitForCarrier(): void {
    clearTimeout(this.#graceTimer);
    const { graceMs = 60_000, lost } = this.options;
    this.#graceTimer = setTimeout(() => this.#lose({ code: lost, detail: 'nobody came back in time' }), graceMs);
  }
}
