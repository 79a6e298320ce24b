import { emptyRoot, equalBytes, HASH_BYTES, hashNode } from './hash.js';

/** Most hashes in one proof: a tree of 2^64 leaves is 64 levels high. */
export const MAX_PROOF_HASHES = 64;

/** That an entry is in a tree. */
export interface InclusionClaim {
  /** Index of the entry. */
  readonly index: number;
  /** Leaves in the tree; take it from the same signed checkpoint as `root`. */
  readonly size: number;
  /** 32 bytes, {@link hashLeaf} of the entry. */
  readonly leafHash: Uint8Array;
  /** From the leaf's sibling up to the root's child. */
  readonly proof: readonly Uint8Array[];
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** That one tree begins with another. */
export interface ConsistencyClaim {
  /** Leaves in the older tree. */
  readonly from: number;
  /** Leaves in the newer tree. */
  readonly to: number;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === HASH_BYTES;
}

function isProof(value: unknown): value is readonly Uint8Array[] {
  // Array.from, because `every` alone would step over the holes of a sparse array.
  return Array.isArray(value) && value.length <= MAX_PROOF_HASHES && Array.from(value).every(isHash);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

const isOdd = (value: number) => value % 2 === 1;
const half = (value: number) => Math.floor(value / 2);

/**
 * Whether an inclusion proof holds (RFC 9162 section 2.1.3.2). Any malformed part makes it false; nothing is thrown.
 *
 * A proof binds the entry and its index to `root`, not to `size`: a few neighbouring sizes have paths of the same shape.
 * Trust `size` because it was signed together with the root.
 *
 * @example verifyInclusion({ index: 0, size: 1, leafHash, proof: [], root: leafHash }) // true
 */
export function verifyInclusion(claim: InclusionClaim): boolean {
  const { index, size, leafHash, proof, root } = claim ?? {};
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (!isHash(leafHash) || !isHash(root) || !isProof(proof)) return false;
  let [node, last, hash] = [index, size - 1, leafHash];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = hashNode(sibling, hash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = hashNode(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
}

/**
 * Whether a consistency proof holds (RFC 9162 section 2.1.4.2). Any malformed part makes it false; nothing is thrown.
 * Every tree extends the empty one: `from` 0 needs the empty root and no hashes.
 *
 * @example verifyConsistency({ from: 6, to: 8, fromRoot, toRoot, proof }) // true, or the log was rewritten
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { from, to, fromRoot, toRoot, proof } = claim ?? {};
  if (!isSize(from) || !isSize(to) || from > to) return false;
  if (!isHash(fromRoot) || !isHash(toRoot) || !isProof(proof)) return false;
  if (from === to) {
    return proof.length === 0 && equalBytes(fromRoot, toRoot) && (from > 0 || equalBytes(fromRoot, emptyRoot()));
  }
  if (from === 0) return proof.length === 0 && equalBytes(fromRoot, emptyRoot());
  return foldConsistency(from, to, fromRoot, toRoot, proof);
}

function foldConsistency(
  from: number,
  to: number,
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  let [node, last] = [from - 1, to - 1];
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  // An older tree that is one perfect subtree is its own first hash (RFC 9162 leaves it out of the proof).
  const path = node === 0 ? [fromRoot, ...proof] : proof;
  const [seed, ...siblings] = path;
  if (seed === undefined) return false;
  let [oldRoot, newRoot] = [seed, seed];
  for (const sibling of siblings) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldRoot = hashNode(sibling, oldRoot);
      newRoot = hashNode(sibling, newRoot);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newRoot = hashNode(newRoot, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(oldRoot, fromRoot) && equalBytes(newRoot, toRoot);
}
