import type { StreamEnd } from '../byte-stream.js';
import type { Connection, Quiche } from './native.js';
import type { QuicStream } from './quic-stream.js';
import { resetNumber } from './reset-codes.js';

/** The first byte of every stream: a stream of QUIC is there only once something was sent on it. */
export const preface = Buffer.of(1);
/** Half-closed streams that are asked in one turn whether the peer still wants to read. */
const stopsPerTurn = 64;
/** So many streams are asked one by one: to be told by quiche which of them have something costs as much as some ninety questions. */
const fewStreams = 16;
const nothing = Buffer.alloc(0);
/** What streams give is lent to their readers from here: nobody reads while somebody reads. */
const readBuffer = Buffer.allocUnsafeSlow(131_072);

interface Hooks {
  /** The peer opened it: makes it known, and offers it. */
  readonly arrived: (id: number) => QuicStream;
  readonly broken: (stream: QuicStream, error: unknown) => void;
  readonly violated: (end: StreamEnd) => void;
}

/** What comes out of the streams of one connection. */
export class StreamReader {
  readonly #halfClosed = new Set<QuicStream>();
  readonly #early = new Set<number>();
  readonly #prefaceDue = new Set<number>();
  #next: number;

  /** @param first number of the peer's first stream */
  constructor(
    private readonly quiche: Quiche,
    private readonly connection: Connection,
    private readonly streams: ReadonlyMap<number, QuicStream>,
    first: number,
    private readonly hooks: Hooks,
  ) {
    this.#next = first;
  }

  /** After packets came in. @param go asked after each stream */
  readAll(go: () => boolean): void {
    if (this.streams.size <= fewStreams && !this.#readFew(go)) return;
    if (this.connection.isReadable() && !this.#readListed(go)) return;
    if (this.#halfClosed.size > 0) this.#findStops();
  }

  /** Of what is known, and of the stream that the peer opens next. @returns whether to go on */
  #readFew(go: () => boolean): boolean {
    for (const stream of this.streams.values()) {
      if (!this.connection.streamReadable(stream.id)) continue;
      this.read(stream);
      if (!go()) return false;
    }
    while (this.connection.streamReadable(this.#next)) {
      this.#arrive(this.#next);
      if (!go()) return false;
    }
    return true;
  }

  /** Whatever quiche says has something. @returns whether to go on */
  #readListed(go: () => boolean): boolean {
    for (const id of this.connection.readable()) {
      const stream = this.streams.get(id);
      if (stream) this.read(stream);
      else this.#arrive(id);
      if (!go()) return false;
    }
    return true;
  }

  /** Number of the stream that the peer opens next. */
  get nextPeers(): number {
    return this.#next;
  }

  forget(stream: QuicStream): void {
    this.#halfClosed.delete(stream);
    this.#prefaceDue.delete(stream.id);
  }

  /** A stream of the peer's that we do not know; handed out in order (RFC 9000 2.1: it opened all below, too). */
  #arrive(id: number): void {
    const isPeers = id % 4 === this.#next % 4;
    if (!isPeers || id < this.#next) {
      this.#discard(id);
      return;
    }
    this.#early.add(id);
    while (this.#early.delete(this.#next)) {
      const number = this.#next;
      this.#next += 4;
      this.#prefaceDue.add(number);
      this.read(this.hooks.arrived(number));
    }
  }

  /** It is over here, and the peer did not know yet. */
  #discard(id: number): void {
    try {
      this.connection.streamShutdown(id, this.quiche.Shutdown.Read, resetNumber('cancelled'));
      while (this.connection.streamRecv(id, readBuffer)) {}
    } catch {
      // It is over for quiche, too.
    }
  }

  read(stream: QuicStream): void {
    if (this.streams.get(stream.id) !== stream) return;
    try {
      // Asks for no byte, only whether there was a reset: it is told to readers that pause, too.
      if (!stream.wantsData && !stream.endSeen) {
        stream.endSeen = this.connection.streamRecv(stream.id, nothing)?.[1] ?? false;
      }
      if (stream.endSeen && stream.wantsData) this.#deliver(stream, 0, true);
      while (stream.wantsData) {
        const read = this.connection.streamRecv(stream.id, readBuffer);
        if (!read) return;
        this.#deliver(stream, read[0], read[1]);
      }
    } catch (error) {
      if (!isStreamError(error)) throw error;
      this.hooks.broken(stream, error);
    }
  }

  #deliver(stream: QuicStream, length: number, isLast: boolean): void {
    let from = 0;
    if (length > 0 && this.#prefaceDue.delete(stream.id)) {
      from = 1;
      if (readBuffer[0] !== preface[0]) {
        this.hooks.violated({ code: 'protocol', detail: 'a stream that does not begin as streams do' });
        return;
      }
    }
    if (length > from) stream.onData(readBuffer.subarray(from, length));
    if (!isLast) return;
    stream.receiveEnd();
    if (stream.isHalfClosed) this.#halfClosed.add(stream);
  }

  /** Where the peer's direction has ended, its reset shows only in ours (RFC 9000 3.5). */
  #findStops(): void {
    let left = Math.min(stopsPerTurn, this.#halfClosed.size);
    for (const stream of this.#halfClosed) {
      if (left-- === 0) return;
      this.#halfClosed.delete(stream);
      try {
        this.connection.streamCapacity(stream.id);
        this.#halfClosed.add(stream);
      } catch (error) {
        this.hooks.broken(stream, error);
      }
    }
  }
}

/** As quiche spells them; the binding has one class of errors. */
const isStreamError = (error: unknown): boolean =>
  /^(StreamReset|StreamStopped|InvalidStreamState|FinalSize)\b/.test((error as Error).message);
