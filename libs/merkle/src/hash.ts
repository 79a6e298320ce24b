import crypto from 'node:crypto';

/** Bytes of one SHA-256 hash. */
export const HASH_BYTES = 32;

/**
 * Digest as a string of 32 latin-1 characters. A string costs about a third of a Buffer here, because a Buffer's
 * memory is allocated outside the JavaScript heap for every call; the callers copy the characters to where they belong.
 */
const digest: (data: Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? (data) => crypto.hash('sha256', data, 'binary')
    : (data) => crypto.createHash('sha256').update(data).digest('binary');

// One prefix byte, then room for the common entry; longer entries get their own buffer.
const LEAF_SCRATCH_BYTES = 4096;
const leafScratch = Buffer.alloc(1 + LEAF_SCRATCH_BYTES, 0);
const nodeScratch = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

function bytesOf(characters: string): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) hash[i] = characters.charCodeAt(i);
  return hash;
}

/**
 * Hash of one log entry: SHA-256(0x00 || entry) (RFC 6962 section 2.1).
 *
 * @returns 32 fresh bytes, owned by the caller
 * @example hashLeaf(new Uint8Array()) // 6e340b9c... , the root of a log that holds one empty entry
 */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  if (entry.length <= LEAF_SCRATCH_BYTES) {
    leafScratch.set(entry, 1);
    return bytesOf(digest(leafScratch.subarray(0, 1 + entry.length)));
  }
  const prefixed = new Uint8Array(1 + entry.length);
  prefixed.set(entry, 1);
  return bytesOf(digest(prefixed));
}

/**
 * Hash of an inner node: SHA-256(0x01 || left || right) (RFC 6962 section 2.1).
 *
 * @param left 32 bytes
 * @param right 32 bytes
 * @returns 32 fresh bytes, owned by the caller
 * @throws RangeError when a side is not 32 bytes long
 * @example hashNode(hashLeaf(first), hashLeaf(second)) // the root of a log of two entries
 */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('a hash is 32 bytes');
  nodeScratch.set(left, 1);
  nodeScratch.set(right, 1 + HASH_BYTES);
  return bytesOf(digest(nodeScratch));
}

/**
 * Root of the empty log: SHA-256 of nothing (RFC 6962 section 2.1).
 *
 * @example emptyRoot() // e3b0c442...
 */
export function emptyRoot(): Uint8Array {
  return bytesOf(digest(new Uint8Array()));
}

const foldScratch = Buffer.alloc(256 * HASH_BYTES);

/**
 * Root of a perfect subtree from its lowest row of hashes.
 *
 * @param hashes hashes one after another, 32 bytes each; read only
 * @param start position of the first hash, counted in hashes
 * @param count 1, 2, 4 ... 256 hashes
 * @returns 32 fresh bytes; for `count` 1 a copy of the hash itself
 * @throws RangeError when the hashes are not all there or `count` is not such a power of two
 * @example foldPerfect(fullTile, 0, 256) // the hash of this tile in the level above
 */
export function foldPerfect(hashes: Uint8Array, start: number, count: number): Uint8Array {
  const from = start * HASH_BYTES;
  const to = from + count * HASH_BYTES;
  const isPower = Number.isInteger(count) && count >= 1 && count <= 256 && (count & (count - 1)) === 0;
  if (!isPower) throw new RangeError('not a perfect subtree of a tile');
  if (!Number.isInteger(start) || start < 0 || to > hashes.length)
    throw new RangeError('the subtree reaches past the hashes');
  foldScratch.set(hashes.subarray(from, to));
  for (let width = count; width > 1; width /= 2) {
    for (let i = 0; i < width / 2; i++) {
      foldScratch.copy(nodeScratch, 1, i * 2 * HASH_BYTES, (i + 1) * 2 * HASH_BYTES);
      foldScratch.write(digest(nodeScratch), i * HASH_BYTES, HASH_BYTES, 'latin1');
    }
  }
  return new Uint8Array(foldScratch.subarray(0, HASH_BYTES));
}

/** Whether two byte strings are the same. Hashes of a log are public, so this need not take constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
