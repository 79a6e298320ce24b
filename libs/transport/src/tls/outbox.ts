import type { Socket } from 'node:net';
import { headerBytes, writeHeader } from './frames.js';

const slabBytes = 4 * (32_768 + headerBytes);
/** Handed to the socket or gathered, and not yet gone: more than this, and streams keep their bytes. Little, so that what is small soon goes. */
const roomBytes = 2 * slabBytes;
/** With as much on its way, what comes next is gathered until that is gone: each write costs a system call, and records of its own. */
const busyBytes = 32_768;
/** A peer that takes nothing and makes us answer. */
const overflowBytes = 8 << 20;
const maxSpareSlabs = 32;
/** Of all connections together: an idle one holds none. */
const spareSlabs: Buffer[] = [];

/** Puts frames behind one another, and hands them to the socket in few large writes, at the end of the turn or when there are enough. */
export class Outbox {
  #slab: Buffer | undefined;
  #used = 0;
  #inFlight = 0;
  #scheduled = false;
  #closed = false;
  bytesOut = 0;

  constructor(
    private readonly socket: Socket,
    /** There is room again for streams that wait. */
    private readonly onRoom: () => void,
    private readonly onOverflow: () => void,
  ) {}

  get hasRoom(): boolean {
    return this.#inFlight + this.#used < roomBytes;
  }

  frame(stream: number, type: number, payload?: Uint8Array): void {
    if (this.#closed) return;
    const length = payload?.length ?? 0;
    if (this.#slab && this.#used + headerBytes + length > slabBytes) this.flush();
    this.#slab ??= spareSlabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
    writeHeader(this.#slab, this.#used, stream, type, length);
    if (payload) this.#slab.set(payload, this.#used + headerBytes);
    this.#used += headerBytes + length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flushLater);
  }

  u32(stream: number, type: number, value: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(value, 0);
    this.frame(stream, type, payload);
  }

  readonly #flushLater = () => {
    this.#scheduled = false;
    if (this.#inFlight < busyBytes) this.flush();
  };

  flush(): void {
    const slab = this.#slab;
    if (!slab || this.#used === 0 || this.#closed) return;
    const count = this.#used;
    this.#slab = undefined;
    this.#used = 0;
    this.#inFlight += count;
    this.bytesOut += count;
    this.socket.write(slab.subarray(0, count), () => {
      if (spareSlabs.length < maxSpareSlabs) spareSlabs.push(slab);
      this.#inFlight -= count;
      if (this.#closed) return;
      if (this.hasRoom) this.onRoom();
      if (this.#inFlight < busyBytes) this.flush();
    });
    if (this.#inFlight > overflowBytes) process.nextTick(this.onOverflow);
  }

  /** Nothing more goes out. */
  close(): void {
    this.#closed = true;
    this.#slab = undefined;
  }
}
