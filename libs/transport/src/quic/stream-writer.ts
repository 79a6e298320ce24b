import { SendLine } from '../send-line.js';
import type { Connection } from './native.js';
import type { QuicStream } from './quic-stream.js';

/** Bytes of one stream before it is another's turn. */
const quantum = 32_768;
/** Streams in a row that may send nothing: then it is the connection that takes nothing now, and the rest need not be asked. */
const fruitless = 16;
const nothing = Buffer.alloc(0);

interface Hooks {
  /** quiche took something: packets are to be had. */
  readonly sent: () => void;
  readonly broken: (stream: QuicStream, error: unknown) => void;
}

/** What goes into the streams of one connection. */
export class StreamWriter {
  readonly #line = new SendLine<QuicStream>();
  readonly #unborn = new Set<QuicStream>();
  /** Have bytes, and the peer's window for them is full: in the line they would keep others from their turn. */
  readonly #unread = new Set<QuicStream>();

  constructor(
    private readonly connection: Connection,
    private readonly streams: ReadonlyMap<number, QuicStream>,
    private readonly hooks: Hooks,
  ) {}

  /** Streams that were opened and that quiche does not count yet. */
  get unborn(): number {
    return this.#unborn.size;
  }

  opened(stream: QuicStream): void {
    if (stream.outgoing.length > 0) this.#unborn.add(stream);
  }

  forget(stream: QuicStream): void {
    this.#unborn.delete(stream);
    this.#unread.delete(stream);
  }

  /** As much as quiche takes now; the number of bytes. */
  send(stream: QuicStream, chunk: Uint8Array): number {
    try {
      const sent = this.connection.streamSend(stream.id, chunk, false) ?? 0;
      if (sent > 0) this.hooks.sent();
      return sent;
    } catch (error) {
      process.nextTick(() => this.hooks.broken(stream, error));
      return chunk.length;
    }
  }

  /** False: not now. */
  fin(stream: QuicStream): boolean {
    try {
      const sent = this.connection.streamSend(stream.id, nothing, true) !== null;
      if (sent) this.hooks.sent();
      return sent;
    } catch (error) {
      process.nextTick(() => this.hooks.broken(stream, error));
      return true;
    }
  }

  queue(stream: QuicStream): void {
    if (!this.#unread.has(stream)) this.#line.join(stream);
  }

  /** There may be room again. */
  pump(): void {
    if (this.#unread.size > 0) this.#findRead();
    const missed: QuicStream[] = [];
    for (let misses = 0; misses < fruitless; ) {
      const stream = this.#line.next();
      if (!stream) return;
      if (this.streams.get(stream.id) !== stream || this.#unread.has(stream)) continue;
      const bytes = stream.outgoing.peek(quantum);
      const sent = bytes.length > 0 ? this.send(stream, bytes) : 0;
      if (sent > 0) {
        stream.outgoing.skip(sent);
        this.#unborn.delete(stream);
        // It was not the connection that took nothing of those before.
        for (const other of missed) this.#park(other);
        missed.length = 0;
      }
      if (sent < bytes.length) {
        misses++;
        missed.push(stream);
      }
      if (stream.outgoing.length > 0) this.#line.rejoin(stream);
      else if (bytes.length === 0) misses++;
      stream.wentOut();
    }
  }

  #park(stream: QuicStream): void {
    if (this.streams.get(stream.id) === stream && stream.outgoing.length > 0) this.#unread.add(stream);
  }

  /** Of those whose window was full. */
  #findRead(): void {
    for (const stream of this.#unread) {
      try {
        if (this.connection.streamCapacity(stream.id) === 0) continue;
      } catch (error) {
        process.nextTick(() => this.hooks.broken(stream, error));
      }
      this.#unread.delete(stream);
      this.#line.join(stream);
    }
  }
}
