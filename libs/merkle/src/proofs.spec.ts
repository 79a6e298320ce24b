import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './errors.js';
import { hashLeaf } from './hash.js';
import { consistencyProof, inclusionProof, inclusionProofs, rootAt } from './proofs.js';
import { CT_CONSISTENCY_PROOFS, CT_ENTRIES, CT_INCLUSION_PROOFS, CT_ROOTS } from './testdata/ct-vectors.js';
import { fromHex, hex, MemoryLog } from './testdata/memory-log.js';
import { NaiveTree } from './testdata/naive-tree.js';
import { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './verify-proof.js';

const LARGE = 70_000;
const log = MemoryLog.of(LARGE);
const { reader } = log;
const naive = new NaiveTree(log.leaves);
const none = new Uint8Array();

const inclusionClaim = async (index: number, size: number): Promise<InclusionClaim> => ({
  index,
  size,
  leafHash: log.leaves[index] ?? none,
  proof: await inclusionProof(index, size, reader),
  root: naive.root(0, size),
});

const consistencyClaim = async (from: number, to: number): Promise<ConsistencyClaim> => ({
  from,
  to,
  fromRoot: naive.root(0, from),
  toRoot: naive.root(0, to),
  proof: await consistencyProof(from, to, reader),
});

describe('published vectors', () => {
  const ct = new MemoryLog();
  ct.append(CT_ENTRIES.map((entry) => hashLeaf(fromHex(entry))));

  it.each(CT_INCLUSION_PROOFS)('inclusion of $index in $size', async ({ index, size, hashes }) => {
    expect((await inclusionProof(index, size, ct.reader)).map(hex)).toEqual(hashes);
    const leafHash = ct.leaves[index] ?? none;
    const root = fromHex(CT_ROOTS[size] ?? '');
    expect(verifyInclusion({ index, size, leafHash, root, proof: hashes.map(fromHex) })).toBe(true);
  });

  it.each(CT_CONSISTENCY_PROOFS)('consistency of $from with $to', async ({ from, to, hashes }) => {
    expect((await consistencyProof(from, to, ct.reader)).map(hex)).toEqual(hashes);
    const [fromRoot, toRoot] = [fromHex(CT_ROOTS[from] ?? ''), fromHex(CT_ROOTS[to] ?? '')];
    expect(verifyConsistency({ from, to, fromRoot, toRoot, proof: hashes.map(fromHex) })).toBe(true);
  });
});

describe('proofs against the naive tree', () => {
  it('inclusion: every index of every size up to 300', async () => {
    const failed: [number, number][] = [];
    for (let size = 1; size <= 300; size++) {
      const indexes = Array.from({ length: size }, (_, i) => i);
      const root = naive.root(0, size);
      for (const [index, proof] of (await inclusionProofs(indexes, size, reader)).entries()) {
        const same = Buffer.concat(proof).equals(Buffer.concat(naive.path(index, 0, size)));
        const holds = verifyInclusion({ index, size, leafHash: log.leaves[index] ?? none, proof, root });
        if (!same || !holds) failed.push([index, size]);
      }
    }
    expect(failed).toEqual([]);
  });

  it('consistency: every pair up to 130, and every older size of 255 to 258 and 300', async () => {
    const failed: [number, number][] = [];
    for (const to of [...Array.from({ length: 131 }, (_, i) => i), 255, 256, 257, 258, 300]) {
      for (let from = 1; from <= to; from++) {
        const claim = await consistencyClaim(from, to);
        const same = Buffer.concat(claim.proof).equals(Buffer.concat(naive.proof(from, to)));
        if (!same || !verifyConsistency(claim)) failed.push([from, to]);
      }
    }
    expect(failed).toEqual([]);
  });

  const sizes = fc.oneof(
    fc.integer({ min: 1, max: LARGE }),
    fc.integer({ min: 65_530, max: 65_542 }),
    fc.integer({ min: 65_790, max: 65_794 }),
  );

  it('inclusion: random indexes of random sizes up to 70,000', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (size, seed) => {
        const claim = await inclusionClaim(seed % size, size);
        expect(claim.proof.map(hex)).toEqual(naive.path(seed % size, 0, size).map(hex));
        expect(verifyInclusion(claim)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('consistency: random pairs up to 70,000', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, sizes, async (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const claim = await consistencyClaim(from, to);
        expect(claim.proof.map(hex)).toEqual(naive.proof(from, to).map(hex));
        expect(verifyConsistency(claim)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('the root of any historical size', async () => {
    for (const size of [0, 1, 255, 256, 257, 1000, 65_535, 65_536, 65_537, LARGE]) {
      expect(hex(await rootAt(size, reader))).toBe(hex(naive.root(0, size)));
    }
  });

  it('one read, of the tiles on the path and at the right edge only', async () => {
    log.reads = 0;
    await inclusionProof(100, LARGE, reader);
    expect(log.reads).toBeLessThanOrEqual(5);
  });
});

describe('requests that cannot be answered', () => {
  it('an entry or size outside the tree', async () => {
    for (const [index, size] of [
      [0, 0],
      [5, 5],
      [-1, 5],
      [0.5, 5],
      [0, -1],
      [0, 2 ** 53],
    ] as const) {
      await expect(inclusionProof(index, size, reader)).rejects.toThrow(RangeError);
    }
    await expect(consistencyProof(6, 5, reader)).rejects.toThrow(RangeError);
    await expect(rootAt(-1, reader)).rejects.toThrow(RangeError);
    await expect(inclusionProofs(new Array(1025).fill(0), 5, reader)).rejects.toThrow(RangeError);
  });

  it('a size the store does not reach, and a missing tile', async () => {
    await expect(inclusionProof(0, LARGE + 1, reader)).rejects.toThrow(FormatError);
    const holed = MemoryLog.of(600);
    holed.tiles.delete('0/0');
    await expect(inclusionProof(0, 600, holed.reader)).rejects.toThrow('tile 0/0 of width 256 has 0 bytes');
  });
});

const flipBit = (bytes: Uint8Array, bit: number): Uint8Array => {
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
};

/** Every way to spoil a list of hashes: each bit of each hash, and each hash dropped, doubled, swapped, cut or followed. */
function* spoiled(proof: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (const [i, hash] of proof.entries()) {
    for (let bit = 0; bit < 256; bit++) yield proof.with(i, flipBit(hash, bit));
    yield proof.toSpliced(i, 1);
    yield proof.toSpliced(i, 0, hash);
    yield proof.with(i, hash.subarray(1));
    yield proof.with(i, Uint8Array.of(...hash, 0));
    const next = proof[i + 1];
    if (next !== undefined) yield proof.with(i, next).with(i + 1, hash);
  }
  yield [...proof, new Uint8Array(32)];
  yield [new Uint8Array(32), ...proof];
}

describe('false proofs', () => {
  it.each([
    [0, 1],
    [0, 2],
    [5, 8],
    [6, 7],
    [100, 256],
    [256, 257],
    [299, 300],
    [65_535, 65_537],
    [65_536, 65_537],
    [12_345, LARGE],
  ])('inclusion of %i in %i: every spoiled part fails', async (index, size) => {
    const claim = await inclusionClaim(index, size);
    expect(verifyInclusion(claim)).toBe(true);
    for (const proof of spoiled(claim.proof)) expect(verifyInclusion({ ...claim, proof })).toBe(false);
    for (let bit = 0; bit < 256; bit++) {
      expect(verifyInclusion({ ...claim, leafHash: flipBit(claim.leafHash, bit) })).toBe(false);
      expect(verifyInclusion({ ...claim, root: flipBit(claim.root, bit) })).toBe(false);
    }
    for (let other = 0; other < Math.min(size, 600); other++) {
      if (other !== index) expect(verifyInclusion({ ...claim, index: other })).toBe(false);
    }
    for (const wrong of [index, 0, -1, 2 ** 53, Number.NaN, 0.5]) {
      expect(verifyInclusion({ ...claim, size: wrong })).toBe(false);
    }
  });

  it.each([
    [1, 2],
    [1, 8],
    [4, 8],
    [6, 8],
    [3, 7],
    [256, 257],
    [255, 300],
    [65_536, LARGE],
    [65_535, 65_537],
    [44_444, LARGE],
  ])('consistency of %i with %i: every spoiled part fails', async (from, to) => {
    const claim = await consistencyClaim(from, to);
    expect(verifyConsistency(claim)).toBe(true);
    for (const proof of spoiled(claim.proof)) expect(verifyConsistency({ ...claim, proof })).toBe(false);
    for (let bit = 0; bit < 256; bit++) {
      expect(verifyConsistency({ ...claim, fromRoot: flipBit(claim.fromRoot, bit) })).toBe(false);
      expect(verifyConsistency({ ...claim, toRoot: flipBit(claim.toRoot, bit) })).toBe(false);
    }
    expect(verifyConsistency({ ...claim, proof: [] })).toBe(false);
    expect(verifyConsistency({ ...claim, from: to, to: from })).toBe(false);
    expect(verifyConsistency({ ...claim, to: to * 4 })).toBe(false);
    for (const wrong of [to, to + 1, 0, -1, 2 ** 53, Number.NaN, 0.5]) {
      expect(verifyConsistency({ ...claim, from: wrong })).toBe(false);
    }
  });

  it('equal sizes need equal roots and no hashes; the empty log has one root', () => {
    const [root, other, empty] = [naive.root(0, 5), naive.root(0, 6), naive.root(0, 0)];
    const same = { from: 5, to: 5, fromRoot: root, toRoot: root, proof: [] };
    expect(verifyConsistency(same)).toBe(true);
    expect(verifyConsistency({ ...same, toRoot: other })).toBe(false);
    expect(verifyConsistency({ ...same, proof: [root] })).toBe(false);
    expect(verifyConsistency({ from: 0, to: 5, fromRoot: empty, toRoot: root, proof: [] })).toBe(true);
    expect(verifyConsistency({ from: 0, to: 5, fromRoot: other, toRoot: root, proof: [] })).toBe(false);
    expect(verifyConsistency({ from: 0, to: 5, fromRoot: empty, toRoot: root, proof: [root] })).toBe(false);
    expect(verifyConsistency({ from: 0, to: 0, fromRoot: empty, toRoot: empty, proof: [] })).toBe(true);
    expect(verifyConsistency({ from: 0, to: 0, fromRoot: other, toRoot: other, proof: [] })).toBe(false);
  });

  it('input of any other shape is false, never an error', () => {
    const junk = fc.oneof(
      fc.anything(),
      fc.constant([undefined]),
      fc.constant(new Array(3)),
      fc.constant(new Array(65).fill(naive.root(0, 1))),
    );
    fc.assert(
      fc.property(junk, junk, junk, junk, junk, (a, b, c, d, e) => {
        const inclusion = { index: a, size: b, leafHash: c, proof: d, root: e } as unknown as InclusionClaim;
        const consistency = { from: a, to: b, fromRoot: c, toRoot: d, proof: e } as unknown as ConsistencyClaim;
        expect(verifyInclusion(inclusion)).toBe(false);
        expect(verifyConsistency(consistency)).toBe(false);
        expect(verifyInclusion(a as InclusionClaim)).toBe(false);
        expect(verifyConsistency(a as ConsistencyClaim)).toBe(false);
      }),
    );
    const valid = { index: 0, size: 2, leafHash: naive.root(0, 1), root: naive.root(0, 2) };
    for (const proof of [new Array(1), [undefined], ['x'], 'x', null, { length: 1 }]) {
      expect(verifyInclusion({ ...valid, proof } as unknown as InclusionClaim)).toBe(false);
    }
  });
});
