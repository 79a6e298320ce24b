import { createHmac, timingSafeEqual } from 'node:crypto';

const macBytes = 16;
const timeBytes = 6;
const livesMs = 15_000;

/** What a token says is true only for the address that it was sent to: who shows it got it there (RFC 9000 8.1.2). */
export interface RetryFacts {
  readonly address: string;
  readonly port: number;
  /** Destination of the client's first packet. */
  readonly original: Buffer;
  /** The id that we gave it instead. */
  readonly given: Buffer;
}

function mac(key: Buffer, facts: RetryFacts, time: Buffer): Buffer {
  const hmac = createHmac('sha256', key).update('retry').update(time);
  for (const part of [facts.address, String(facts.port), facts.original, facts.given]) {
    hmac.update(Buffer.of(part.length)).update(part);
  }
  return hmac.digest().subarray(0, macBytes);
}

export function mintToken(key: Buffer, facts: RetryFacts, now = Date.now()): Buffer {
  const time = Buffer.alloc(timeBytes);
  time.writeUIntBE(now, 0, timeBytes);
  return Buffer.concat([time, mac(key, facts, time), facts.original]);
}

/** The client's original destination. Undefined: not ours, or too old, or for somebody else. */
export function openToken(
  key: Buffer,
  token: Buffer,
  from: Omit<RetryFacts, 'original'>,
  now = Date.now(),
): Buffer | undefined {
  if (token.length < timeBytes + macBytes + 8 || token.length > timeBytes + macBytes + 20) return undefined;
  const time = token.subarray(0, timeBytes);
  const original = token.subarray(timeBytes + macBytes);
  const expected = mac(key, { ...from, original }, time);
  if (!timingSafeEqual(expected, token.subarray(timeBytes, timeBytes + macBytes))) return undefined;
  const age = now - time.readUIntBE(0, timeBytes);
  return age >= 0 && age <= livesMs ? original : undefined;
}
