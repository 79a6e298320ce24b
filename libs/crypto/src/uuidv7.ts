import { randomFillSync } from 'node:crypto';

/** Fills `into` with random bytes and returns nothing; only tests give another one than the operating system's. */
export type FillRandom = (into: Uint8Array) => void;

const poolBytes = 8_192;
const bytesPerId = 10;
const maxTimestampMs = 2 ** 48 - 1;
const counterLimit = 0x1000;

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const hex = (byte: number | undefined): string => hexPairs[byte ?? 0] as string;

/** `xxxxxxxx-xxxx-`: the 48 bits of the timestamp. */
function timestampText(ms: number): string {
  const digits = ms.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-`;
}

/**
 * A source of UUIDv7 (RFC 9562, 5.7) with its own state. `nowMs` is the time in milliseconds since 1970.
 *
 * Each identifier of one source is greater than the one before, as text and as bytes: within a millisecond, and while
 * the clock stands behind the last one used, the 12 bits after the version count up (RFC 9562, 6.2 method 1, seeded
 * with 11 random bits); when they run out the timestamp goes one millisecond ahead. The other 62 bits are random.
 *
 * Throws `RangeError` if `nowMs` is not an integer of 0 to 2^48 - 1.
 *
 * @example const nextId = uuidv7Source(); nextId(1_645_557_742_000) // '017f22e2-79b0-7...'
 */
export function uuidv7Source(fillRandom: FillRandom = randomFillSync): (nowMs: number) => string {
  // One system call for 819 identifiers. They are no secrets, so used bytes may stay in memory.
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  let lastMs = -1;
  let counter = 0;
  let prefix = '';

  function startMillisecond(ms: number, at: number): void {
    if (ms > maxTimestampMs) throw new RangeError('UUIDv7 has 48 bits for the time in milliseconds');
    lastMs = ms;
    prefix = timestampText(ms);
    counter = (((pool[at] as number) << 8) | (pool[at + 1] as number)) & 0x7ff;
  }

  function advance(nowMs: number, at: number): void {
    if (nowMs > lastMs) startMillisecond(nowMs, at);
    else if (++counter === counterLimit) startMillisecond(lastMs + 1, at);
  }

  return (nowMs) => {
    if (!Number.isSafeInteger(nowMs) || nowMs < 0) throw new RangeError('the time must be whole milliseconds');
    if (used + bytesPerId > poolBytes) {
      fillRandom(pool);
      used = 0;
    }
    const at = used;
    used += bytesPerId;
    advance(nowMs, at);
    const variant = 0x80 | ((pool[at + 2] as number) & 0x3f);
    const tail = `${hex(variant)}${hex(pool[at + 3])}-${hex(pool[at + 4])}${hex(pool[at + 5])}${hex(pool[at + 6])}`;
    const end = `${hex(pool[at + 7])}${hex(pool[at + 8])}${hex(pool[at + 9])}`;
    return `${prefix}7${hex(counter >> 8)[1]}${hex(counter & 0xff)}-${tail}${end}`;
  };
}

/**
 * The process's source of identifiers; see {@link uuidv7Source}. Time is an argument, so callers stay testable.
 *
 * @example uuidv7(Date.now())
 */
export const uuidv7: (nowMs: number) => string = uuidv7Source();
