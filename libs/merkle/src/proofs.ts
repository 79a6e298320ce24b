import { emptyRoot, foldPerfect, hashNode } from './hash.js';
import { readChecked, type TileReader } from './tile-reader.js';
import { TILE_WIDTH, type TileRef } from './tiles.js';

/** Most inclusion proofs made by one call. */
export const MAX_PROOF_BATCH = 1024;

const NO_HASHES = new Uint8Array();

/** Leaves `start` to `end - 1`, standing for their root MTH(D[start:end]) of RFC 6962 section 2.1. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** A perfect subtree: leaves `position * 2 ** height` and the `2 ** height - 1` after it. */
interface Subtree {
  readonly height: number;
  readonly position: number;
}

/**
 * Inclusion proofs for several entries of one tree size, from one read of the tiles they share.
 *
 * @param indexes entries, each below `size`; at most 1,024
 * @param size tree size of the checkpoint the proofs are for; any size up to the log's
 * @returns for every index its hashes, from the leaf's sibling up to the root's child (RFC 6962 section 2.1.1)
 * @throws RangeError for an index outside the tree; FormatError when the reader lacks a tile
 * @example const [proof] = await inclusionProofs([5], 8, reader); // 3 hashes
 */
export async function inclusionProofs(
  indexes: readonly number[],
  size: number,
  reader: TileReader,
): Promise<Uint8Array[][]> {
  if (indexes.length > MAX_PROOF_BATCH) throw new RangeError('too many proofs at once');
  requireSize(size);
  const paths = indexes.map((index) => inclusionRanges(index, size));
  const hashes = await hashRanges(paths.flat(), size, reader);
  let taken = 0;
  return paths.map((path) => {
    taken += path.length;
    return hashes.slice(taken - path.length, taken);
  });
}

/**
 * Inclusion proof of one entry; see {@link inclusionProofs}.
 *
 * @example verifyInclusion({ index: 5, size: 8, leafHash, root, proof: await inclusionProof(5, 8, reader) }) // true
 */
export async function inclusionProof(index: number, size: number, reader: TileReader): Promise<Uint8Array[]> {
  const [proof = []] = await inclusionProofs([index], size, reader);
  return proof;
}

/**
 * Proof that the tree of `to` leaves begins with the tree of `from` leaves (RFC 6962 section 2.1.2).
 * Empty when the sizes are equal or `from` is 0.
 *
 * @throws RangeError unless 0 <= from <= to; FormatError when the reader lacks a tile
 * @example await consistencyProof(6, 8, reader) // 3 hashes
 */
export async function consistencyProof(from: number, to: number, reader: TileReader): Promise<Uint8Array[]> {
  requireSize(from);
  requireSize(to);
  if (from > to) throw new RangeError('a log does not shrink');
  return hashRanges(consistencyRanges(from, to), to, reader);
}

/**
 * Root of the log at any size up to its present one, from stored tiles.
 *
 * @throws FormatError when the reader lacks a tile
 * @example await rootAt(checkpoint.size, reader) // equals checkpoint.root, or the store was changed
 */
export async function rootAt(size: number, reader: TileReader): Promise<Uint8Array> {
  requireSize(size);
  if (size === 0) return emptyRoot();
  const [root = emptyRoot()] = await hashRanges([{ start: 0, end: size }], size, reader);
  return root;
}

function requireSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('the size of a tree is a whole number');
}

/** Largest power of two below `leaves` (RFC 6962's k). Numbers, not bit operations: sizes pass 2^31. */
function split(leaves: number): number {
  let k = 1;
  while (k * 2 < leaves) k *= 2;
  return k;
}

/** PATH(index, D[size]) of RFC 6962 section 2.1.1, walked from the root down. */
function inclusionRanges(index: number, size: number): Range[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError('no such entry in this tree');
  const path: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.reverse();
}

/** SUBPROOF(from, D[to], true) of RFC 6962 section 2.1.2, walked from the root down. */
function consistencyRanges(from: number, to: number): Range[] {
  if (from === 0 || from === to) return [];
  const path: Range[] = [];
  let [start, end] = [0, to];
  while (end !== from) {
    const middle = start + split(end - start);
    if (from <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // The old tree itself needs no hash in the proof: the verifier has its root.
  if (start > 0) path.push({ start, end });
  return path.reverse();
}

/** Perfect subtrees of a range, left to right; ranges of RFC 6962 begin where their largest subtree is aligned. */
function subtreesOf(range: Range): Subtree[] {
  const subtrees: Subtree[] = [];
  let { start } = range;
  while (start < range.end) {
    let [height, leaves] = [0, 1];
    while (leaves * 2 <= range.end - start) {
      height++;
      leaves *= 2;
    }
    subtrees.push({ height, position: start / leaves });
    start += leaves;
  }
  return subtrees;
}

/** The tile a subtree is hashed from, as wide as the tree of this size makes it, and the subtree's place within. */
function place(subtree: Subtree, size: number): { tile: TileRef; start: number; count: number } {
  const level = Math.floor(subtree.height / 8);
  const count = 2 ** (subtree.height % 8);
  const first = subtree.position * count;
  const index = Math.floor(first / TILE_WIDTH);
  const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  return { tile: { level, index, width }, start: first - index * TILE_WIDTH, count };
}

/** MTH of every range, with one read for all of them and every subtree hashed once. */
async function hashRanges(ranges: readonly Range[], size: number, reader: TileReader): Promise<Uint8Array[]> {
  const parts = ranges.map((range) => subtreesOf(range));
  const tiles = new Map<string, TileRef>();
  for (const subtree of parts.flat()) {
    const { tile } = place(subtree, size);
    tiles.set(`${tile.level}/${tile.index}`, tile);
  }
  const read = await readChecked(reader, [...tiles.values()]);
  const hashesOf = new Map([...tiles.keys()].map((key, i) => [key, read[i] ?? NO_HASHES]));
  const known = new Map<string, Uint8Array>();
  const subtreeHash = (subtree: Subtree): Uint8Array => {
    const key = `${subtree.height}/${subtree.position}`;
    const { tile, start, count } = place(subtree, size);
    const hashes = hashesOf.get(`${tile.level}/${tile.index}`) ?? NO_HASHES;
    const hash = known.get(key) ?? foldPerfect(hashes, start, count);
    known.set(key, hash);
    return hash;
  };
  return parts.map((subtrees) => subtrees.map(subtreeHash).reduceRight((right, left) => hashNode(left, right)));
}
