import type { StreamEnd } from '../byte-stream.js';
import { ChunkQueue } from '../chunk-queue.js';
import type { Connection } from './native.js';

/** The stream's number (u48), and the reset's (u16), big endian. */
const noteBytes = 8;
const numberBytes = 6;
/** Notes that are written or read at once. */
const batch = 512;
/** A peer's window for notes. */
export const noteWindow = 65_536;
/** For whoever reads: nobody does while somebody reads. */
const incoming = Buffer.allocUnsafeSlow(batch * noteBytes);
const nothing = Buffer.alloc(0);

interface ResetNotesOptions {
  readonly connection: Pick<Connection, 'streamSend' | 'streamRecv' | 'streamReadable' | 'streamPriority'>;
  readonly dialled: boolean;
  /** Number of the stream that the peer opens next; all below have arrived. */
  readonly nextPeers: () => number;
  /** Streams that the peer may have open. */
  readonly streams: number;
  /** quiche took something: packets are to be had. */
  readonly sent: () => void;
  /** The peer gave up a stream that has arrived here; we may have done so, too. */
  readonly onReset: (id: number, number: number) => void;
  readonly violated: (end: StreamEnd) => void;
}

/**
 * Says of each stream that is given up that it is, on a one-way stream of its own, because quiche 0.18 alone does not see to it
 * that the peer hears: it sends STOP_SENDING once, and where a RESET_STREAM is lost, bytes that waited when the stream was
 * given up make the peer see an orderly end, or nothing at all.
 */
export class ResetNotes {
  readonly #outgoing = new ChunkQueue();
  readonly #own: number;
  readonly #peers: number;
  /** Of a note that has begun. */
  #begun: Buffer = nothing;
  /** Of streams that are still on their way. */
  readonly #early = new Map<number, number>();

  constructor(private readonly options: ResetNotesOptions) {
    [this.#own, this.#peers] = options.dialled ? [2, 3] : [3, 2];
  }

  /** @param number see `reset-codes` */
  write(id: number, number: number): void {
    const note = Buffer.allocUnsafe(noteBytes);
    note.writeUIntBE(id, 0, numberBytes);
    note.writeUInt16BE(number, numberBytes);
    this.#outgoing.push(note);
    this.pump();
  }

  /** There may be room again. */
  pump(): void {
    const { connection, sent, violated } = this.options;
    while (this.#outgoing.length > 0) {
      const bytes = this.#outgoing.peek(batch * noteBytes);
      try {
        // Before anything else that waits.
        connection.streamPriority(this.#own, 0, false);
        const count = connection.streamSend(this.#own, bytes, false) ?? 0;
        if (count === 0) return;
        this.#outgoing.skip(count);
        sent();
      } catch {
        this.#outgoing.clear();
        violated({ code: 'protocol', detail: 'no stream for notes of resets' });
      }
    }
  }

  /** After packets came in. */
  readAll(): void {
    const { connection, violated } = this.options;
    while (connection.streamReadable(this.#peers)) {
      incoming.set(this.#begun);
      const read = this.#receive(incoming.subarray(this.#begun.length));
      if (!read) return;
      const [count, isLast] = read;
      const areNotes = this.#take(incoming.subarray(0, this.#begun.length + count));
      if (areNotes && !isLast) continue;
      violated({ code: 'protocol', detail: 'notes of resets that are none' });
      return;
    }
  }

  /** A stream of the peer's is here. @returns the number of its reset, when that was heard first */
  arrived(id: number): number | undefined {
    const number = this.#early.get(id);
    this.#early.delete(id);
    return number;
  }

  /** @returns bytes, and whether they are the last; null: none now */
  #receive(into: Buffer): readonly [number, boolean] | null {
    try {
      return this.options.connection.streamRecv(this.#peers, into);
    } catch {
      // The peer took it back.
      return [0, true];
    }
  }

  /** @returns whether notes are what they are */
  #take(bytes: Buffer): boolean {
    const whole = bytes.length - (bytes.length % noteBytes);
    this.#begun = whole < bytes.length ? Buffer.from(bytes.subarray(whole)) : nothing;
    for (let at = 0; at < whole; at += noteBytes)
      if (!this.#heard(bytes.readUIntBE(at, numberBytes), bytes.readUInt16BE(at + numberBytes))) return false;
    return true;
  }

  /** @returns whether there can be such a stream */
  #heard(id: number, number: number): boolean {
    const { nextPeers, streams, onReset } = this.options;
    const next = nextPeers();
    const isEarly = id % 4 === next % 4 && id >= next;
    if (!isEarly) onReset(id, number);
    else if (id < next + 4 * streams) this.#early.set(id, number);
    else return false;
    return true;
  }
}
