import { createSecretKey, type KeyObject } from 'node:crypto';

/** A key of bytes that nobody needs any more: they are overwritten. */
export function keyOfBytes(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}
