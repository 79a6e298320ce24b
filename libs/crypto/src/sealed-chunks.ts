import type { KeyObject } from 'node:crypto';
import { openWithNonce, sealWithRandomNonce } from './aes-gcm.js';
import { canonicalJson } from './canonical-json.js';

/** Which piece of which whole: `context` names the whole, `n` counts from 0. */
export interface ChunkPlace {
  readonly context: string;
  readonly n: number;
  readonly isLast: boolean;
}

const aadOf = ({ context, n, isLast }: ChunkPlace): Buffer =>
  Buffer.from(canonicalJson(['gatehouse.sealed-chunk.v1', context, n, isLast]), 'utf8');

/**
 * One piece of something too long for memory: nonce, ciphertext and tag of AES-256-GCM. The additional data holds its
 * place, and whether it is the last (as in STREAM, Hoang and others 2015), so that pieces cannot be swapped, taken from
 * another whole, or cut off at the end.
 *
 * @example sealChunk(key, { context: `export:${id}`, n: 0, isLast: false }, bytes)
 */
export const sealChunk = (key: KeyObject, place: ChunkPlace, bytes: Uint8Array): Buffer =>
  sealWithRandomNonce(key, aadOf(place), bytes);

/** Reverse of {@link sealChunk}. Throws `CryptoError` `malformed` or `not_authentic`. */
export const openChunk = (key: KeyObject, place: ChunkPlace, sealed: Uint8Array): Buffer =>
  openWithNonce(key, aadOf(place), sealed);
