import { constantTimeEqual, keyFingerprint, type Pepper } from '@gatehouse/crypto';

/**
 * What an authenticator signs: random, short-lived, and bound to what it was asked for, by an HMAC under the pepper.
 * Anybody may ask for one, so asking stores nothing; that it was used is stored, once its signature was found right.
 * Layout: 16 random bytes, 6 bytes of Unix milliseconds, 32 bytes of HMAC.
 */
export interface Binding {
  /** What the answer is good for: an answer for one purpose is worthless for another. */
  readonly purpose: 'add' | 'proof' | 'second' | 'alone';
  /** Whom or what it was made for: a session, a sign-in; empty when nobody is known yet. */
  readonly to: string;
}

export const passkeyChallengeMs = 300_000;
const [randomBytes, timeBytes, macBytes] = [16, 6, 32];
export const passkeyRandomBytes = randomBytes;

const macOf = (pepper: Pepper, head: Buffer, { purpose, to }: Binding): Buffer =>
  keyFingerprint(pepper, `gatehouse.passkey-challenge.v1\0${head.toString('base64url')}\0${purpose}\0${to}`);

/** @param random {@link passkeyRandomBytes} random bytes */
export function passkeyChallenge(pepper: Pepper, binding: Binding, random: Uint8Array, nowMs: number): Buffer {
  if (random.length !== randomBytes) throw new RangeError(`not ${randomBytes} random bytes`);
  const time = Buffer.alloc(timeBytes);
  time.writeUIntBE(nowMs + passkeyChallengeMs, 0, timeBytes);
  const head = Buffer.concat([random, time]);
  return Buffer.concat([head, macOf(pepper, head, binding)]);
}

/** When a challenge of ours ends, as Unix milliseconds; undefined for one that is not ours, not for this, or too old. */
export function passkeyChallengeEnd(
  pepper: Pepper,
  binding: Binding,
  challenge: string,
  nowMs: number,
): number | undefined {
  const bytes = Buffer.from(challenge, 'base64url');
  // One text for one challenge: two spellings of it would count as two uses.
  if (bytes.length !== randomBytes + timeBytes + macBytes || bytes.toString('base64url') !== challenge)
    return undefined;
  const head = bytes.subarray(0, randomBytes + timeBytes);
  if (!constantTimeEqual(bytes.subarray(head.length), macOf(pepper, head, binding))) return undefined;
  const endsMs = head.readUIntBE(randomBytes, timeBytes);
  return endsMs > nowMs ? endsMs : undefined;
}
