import { copyOf, keyBytes, maxMessageBytes, NoiseError, type Primitives, tagBytes } from './noise.js';

export interface TransportOptions {
  /** A key seals at most so many bytes before the next one takes its place; 256 MiB unless given. */
  readonly rekeyBytes?: number;
  /** And at most for so long, once there is something to send; 2 minutes unless given. */
  readonly rekeyMs?: number;
  /** Milliseconds that only grow; `performance.now` unless given. */
  readonly clock?: () => number;
}

interface Keys extends TransportOptions {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly channelBinding: Uint8Array;
  readonly primitives: Primitives;
}

/** Longest text of one record. */
export const maxRecordText = maxMessageBytes - tagBytes;
/** A record on the wire: its length (u16, big endian), and what was sealed. */
export const recordLengthBytes = 2;
/** Room that `seal` may need beside its text: that record's, and that of a record without text. */
export const sealOverhead = 2 * (recordLengthBytes + tagBytes);

const empty = new Uint8Array(0);
const rekeyNonce = Uint8Array.of(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);
/** By how much a sender may exceed our idea of when a key is used up. */
const patience = 2;

/** One direction. Its key is replaced by one that does not lead back to it (Noise 4.2, REKEY); the counter goes on. */
class Direction {
  readonly nonce = new Uint8Array(12);
  readonly #counter = new DataView(this.nonce.buffer);
  readonly additionalData = empty;
  key: Uint8Array;
  bytes = 0;
  since: number;

  constructor(key: Uint8Array, now: number) {
    this.key = key;
    this.since = now;
  }

  next(): void {
    const low = this.#counter.getUint32(4, true) + 1;
    this.#counter.setUint32(4, low % 2 ** 32, true);
    if (low < 2 ** 32) return;
    const high = this.#counter.getUint32(8, true) + 1;
    // The last counter is REKEY's. It is out of reach of anybody's lifetime, and still no counter is used twice.
    if (high === 2 ** 32 - 1) throw new NoiseError('exhausted');
    this.#counter.setUint32(8, high, true);
  }

  rekey(primitives: Primitives, now: number): void {
    const sealed = new Uint8Array(keyBytes + tagBytes);
    const place = { key: this.key, nonce: rekeyNonce, additionalData: empty };
    primitives.seal(place, new Uint8Array(keyBytes), sealed, 0);
    this.key.fill(0);
    this.key = sealed.slice(0, keyBytes);
    this.bytes = 0;
    this.since = now;
  }
}

/**
 * What both sides share after a handshake: each seals records that the other opens, once and in order. A record without text says
 * that its sender goes on with another key. When is the sender's matter, by bytes and time, and a receiver bears no sender that
 * never does.
 */
export class Transport {
  /** The handshake's hash: names this channel and no other one (Noise 11.2). 32 bytes. */
  readonly channelBinding: Uint8Array;
  readonly #primitives: Primitives;
  readonly #sending: Direction;
  readonly #receiving: Direction;
  readonly #rekeyBytes: number;
  readonly #rekeyMs: number;
  readonly #clock: () => number;
  #failed = false;

  constructor(keys: Keys) {
    this.#clock = keys.clock ?? (() => performance.now());
    this.#rekeyBytes = keys.rekeyBytes ?? 256 * 1024 * 1024;
    this.#rekeyMs = keys.rekeyMs ?? 120_000;
    this.#primitives = keys.primitives;
    this.channelBinding = copyOf(keys.channelBinding);
    const now = this.#clock();
    this.#sending = new Direction(keys.sendKey, now);
    this.#receiving = new Direction(keys.receiveKey, now);
  }

  /**
   * Writes the record of `head` and then `text` (1 to `maxRecordText` bytes together), behind its length, into `into` at `offset`, and
   * returns how much was written: at most that of both and `sealOverhead`.
   *
   * @throws NoiseError `message_too_long`
   */
  seal(text: Uint8Array, into: Uint8Array, offset: number, head: Uint8Array = empty): number {
    const textBytes = head.length + text.length;
    if (textBytes === 0 || textBytes > maxRecordText) throw new NoiseError('message_too_long');
    const way = this.#sending;
    const length = this.#record(text, into, offset, head);
    way.bytes += textBytes;
    const now = this.#clock();
    if (way.bytes < this.#rekeyBytes && now - way.since < this.#rekeyMs) return length;
    const marker = this.#record(empty, into, offset + length);
    way.rekey(this.#primitives, now);
    return length + marker;
  }

  /**
   * The text of the peer's next record, without its length; empty when the record only changes the key. The memory may be used again
   * by the next call. After an error nothing is opened any more: records are opened in order, and one that is missing, altered, or
   * opened twice is the end.
   *
   * @throws NoiseError `decryption_failed`; `exhausted` when the peer seals on and on under one key
   */
  open(record: Uint8Array): Uint8Array {
    if (this.#failed) throw new NoiseError('decryption_failed');
    this.#failed = true;
    const way = this.#receiving;
    const text = record.length <= maxMessageBytes ? this.#primitives.open(way, record) : undefined;
    if (!text) throw new NoiseError('decryption_failed');
    way.next();
    way.bytes += text.length;
    if (text.length === 0) way.rekey(this.#primitives, this.#clock());
    else if (way.bytes > this.#rekeyBytes * patience) throw new NoiseError('exhausted');
    this.#failed = false;
    return text;
  }

  /** What `open` gave is not read any more: its memory may be used again, or freed. */
  forget(text: Uint8Array): void {
    this.#primitives.forget?.(text);
  }

  #record(text: Uint8Array, into: Uint8Array, offset: number, head: Uint8Array = empty): number {
    const way = this.#sending;
    const sealed = this.#primitives.seal(way, text, into, offset + recordLengthBytes, head);
    way.next();
    into[offset] = sealed >> 8;
    into[offset + 1] = sealed & 0xff;
    return recordLengthBytes + sealed;
  }
}
