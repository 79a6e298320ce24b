import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Signature type of timestamped Ed25519 signatures (c2sp.org/tlog-cosignature, "Format"). */
const COSIGNATURE_V1 = 0x04;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** SHA-256(name || 0x0A || 0x04 || public key), first four bytes: another id than that of the plain signature. */
function keyId(name: string, publicKey: KeyObject): Buffer {
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const typedKey = Buffer.concat([Buffer.of(COSIGNATURE_V1), Buffer.from(x, 'base64url')]);
  return createHash('sha256').update(`${name}\n`, 'utf8').update(typedKey).digest().subarray(0, KEY_ID_BYTES);
}

const message = (body: string, unixSeconds: number): Buffer =>
  Buffer.from(`cosignature/v1\ntime ${unixSeconds}\n${body}`, 'utf8');

/**
 * A line that says when the log stood at a checkpoint (c2sp.org/tlog-cosignature, Ed25519 v1, by the log itself). A plain
 * signature says nothing of time, and repeats itself byte for byte while the log is idle; with this line, silence is
 * provable. It goes below the checkpoint's own signature; whoever does not know it must ignore it (c2sp.org/signed-note).
 *
 * @param body the signed text: origin, size, root, one line each
 * @param unixSeconds whole seconds since 1970
 */
export function signTime(name: string, privateKey: KeyObject, body: string, unixSeconds: number): string {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(unixSeconds));
  const signature = sign(null, message(body, unixSeconds), privateKey);
  return `\u2014 ${name} ${Buffer.concat([keyId(name, createPublicKey(privateKey)), time, signature]).toString('base64')}\n`;
}

/** The time a line proves, in seconds since 1970; undefined when it does not hold for this name, key and body. */
export function verifyTime(name: string, publicKey: KeyObject, body: string, line: string): number | undefined {
  const prefix = `\u2014 ${name} `;
  const text = line.slice(prefix.length, -1);
  const bytes = Buffer.from(text, 'base64');
  const isOurs = line.startsWith(prefix) && line.endsWith('\n') && bytes.toString('base64') === text;
  if (!isOurs || bytes.length !== KEY_ID_BYTES + TIME_BYTES + SIGNATURE_BYTES) return undefined;
  if (!bytes.subarray(0, KEY_ID_BYTES).equals(keyId(name, publicKey))) return undefined;
  const unixSeconds = Number(bytes.readBigUInt64BE(KEY_ID_BYTES));
  const holds = verify(null, message(body, unixSeconds), publicKey, bytes.subarray(KEY_ID_BYTES + TIME_BYTES));
  return holds ? unixSeconds : undefined;
}
