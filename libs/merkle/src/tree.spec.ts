import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './errors.js';
import { hashLeaf } from './hash.js';
import { CT_ENTRIES, CT_ROOTS } from './testdata/ct-vectors.js';
import { fromHex, hex, MemoryLog, testLeaf } from './testdata/memory-log.js';
import { NaiveTree } from './testdata/naive-tree.js';
import { tileReader } from './tile-reader.js';
import { MerkleFrontier } from './tree.js';

const LARGE = 70_000;
const large = MemoryLog.of(LARGE);
const naive = new NaiveTree(large.leaves);

/** Sizes where a tile, a row of tiles or both fill up, and their neighbours. */
const EDGES = [255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_281, 65_535, 65_536, 65_537, 65_791, 65_792, 65_793];

describe('MerkleFrontier', () => {
  it('gives the published roots', () => {
    const leaves = CT_ENTRIES.map((entry) => hashLeaf(fromHex(entry)));
    const roots = CT_ROOTS.map((_, size) => hex(MerkleFrontier.empty().extend(leaves.slice(0, size)).next.root()));
    expect(roots).toEqual(CT_ROOTS);
  });

  it('agrees with the naive tree at every size up to 1,000', () => {
    let frontier = MerkleFrontier.empty();
    for (let size = 0; size <= 1000; size++) {
      expect([frontier.size, hex(frontier.root())]).toEqual([size, hex(naive.root(0, size))]);
      frontier = frontier.extend([testLeaf(size)]).next;
    }
  });

  it('agrees with the naive tree beyond 65,536, however the leaves are cut into batches', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 4 }), (batches) => {
        let frontier = MerkleFrontier.empty();
        for (const batch of batches) {
          frontier = frontier.extend(large.leaves.slice(frontier.size, frontier.size + batch)).next;
        }
        expect(hex(frontier.root())).toBe(hex(naive.root(0, frontier.size)));
      }),
      { numRuns: 15, examples: [[[255, 1, 65_280]], [[65_535, 1, 1]], [[30_000, 30_000, 10_000]]] },
    );
  });

  it('hands out every full tile once, with the hashes and root the format defines', () => {
    expect(large.tiles.size).toBe(273 + 1);
    for (const [key, { hashes, root }] of large.tiles) {
      const [level = 0, index = 0] = key.split('/').map(Number);
      const span = 256 ** level;
      const row = Array.from({ length: 256 }, (_, i) => (index * 256 + i) * span);
      expect(hex(hashes)).toBe(row.map((start) => hex(naive.root(start, start + span))).join(''));
      expect(hex(root)).toBe(hex(naive.root(index * 256 * span, (index + 1) * 256 * span)));
    }
  });

  it('stays as it is when extended, so that a failed commit can be tried again with other leaves', () => {
    const base = MerkleFrontier.empty().extend(large.leaves.slice(0, 300)).next;
    const before = hex(base.root());
    const abandoned = base.extend(large.leaves.slice(400, 1000));
    expect(abandoned.tiles).toHaveLength(2);
    expect([base.size, hex(base.root())]).toEqual([300, before]);
    const { next, tiles } = base.extend(large.leaves.slice(300, 600));
    expect(hex(next.root())).toBe(hex(naive.root(0, 600)));
    expect(tiles.map(({ level, index }) => [level, index])).toEqual([[0, 1]]);
    expect(hex(tiles[0]?.hashes ?? new Uint8Array())).toBe(hex(large.tiles.get('0/1')?.hashes ?? new Uint8Array()));
  });

  it('has independent futures', () => {
    const base = MerkleFrontier.empty().extend(large.leaves.slice(0, 200)).next;
    const one = base.extend(large.leaves.slice(200, 250)).next;
    const other = base.extend(large.leaves.slice(600, 650)).next;
    const [tile] = one.extend(large.leaves.slice(250, 256)).tiles;
    expect(hex(tile?.hashes ?? new Uint8Array())).toBe(hex(large.tiles.get('0/0')?.hashes ?? new Uint8Array()));
    expect(hex(other.root())).not.toBe(hex(one.root()));
  });

  it('keeps nothing of the caller and gives nothing of its own away', () => {
    // Buffers, as a database driver hands out: their slice() is a view, not a copy.
    const leaves = [0, 1, 2].map((index) => Buffer.from(testLeaf(index)));
    const { next } = MerkleFrontier.empty().extend(leaves);
    for (const leaf of leaves) leaf.fill(0);
    next.root().fill(0);
    const four = next.extend([testLeaf(3)]).next;
    four.root().fill(0);
    expect(hex(four.root())).toBe(hex(naive.root(0, 4)));
    const filled = MerkleFrontier.empty().extend(large.leaves.slice(0, 256));
    for (const tile of filled.tiles) tile.root.fill(0);
    expect(hex(filled.next.extend([testLeaf(256)]).next.root())).toBe(hex(naive.root(0, 257)));
  });

  it('refuses a leaf hash of another length and appends none of the batch', () => {
    const frontier = MerkleFrontier.empty();
    expect(() => frontier.extend([testLeaf(0), new Uint8Array(31)])).toThrow(RangeError);
    expect(frontier.size).toBe(0);
  });
});

describe('MerkleFrontier.restore', () => {
  const sameFuture = (size: number, restored: MerkleFrontier): void => {
    // Enough to fill the partial tile, so that restored rows show in tiles as well as in roots.
    const more = large.leaves.slice(size, size + 256);
    const extended = restored.extend(more);
    expect(hex(restored.root())).toBe(hex(naive.root(0, size)));
    expect(hex(extended.next.root())).toBe(hex(naive.root(0, size + more.length)));
    for (const { level, index, hashes, root } of extended.tiles) {
      const stored = large.tiles.get(`${level}/${index}`);
      expect([hex(hashes), hex(root)]).toEqual([hex(stored?.hashes ?? hashes), hex(stored?.root ?? root)]);
    }
  };

  it('equals the continuous tree at every size up to 1,000', async () => {
    for (let size = 0; size <= 1000; size++) {
      const restored = await MerkleFrontier.restore(size, large.reader);
      expect([restored.size, hex(restored.root())]).toEqual([size, hex(naive.root(0, size))]);
      if (size % 37 === 0) sameFuture(size, restored);
    }
  });

  it.each(EDGES)('equals the continuous tree at %i', async (size) => {
    sameFuture(size, await MerkleFrontier.restore(size, large.reader));
  });

  it('reads one partial tile a level', async () => {
    large.reads = 0;
    await MerkleFrontier.restore(65_535, large.reader);
    expect(large.reads).toBe(2);
    large.reads = 0;
    await MerkleFrontier.restore(69_999, large.reader);
    expect(large.reads).toBe(3);
  });

  it('needs no stored roots: full tiles and tail leaves are enough', async () => {
    const reader = tileReader({
      readFullTiles: (tiles) => large.readFullTiles(tiles),
      readLeaves: (from, to) => large.readLeaves(from, to),
    });
    for (const size of [255, 257, 65_535, 65_537]) sameFuture(size, await MerkleFrontier.restore(size, reader));
  });

  it('refuses a store with a hole instead of computing a wrong root', async () => {
    const holed = MemoryLog.of(600);
    holed.tiles.delete('0/1');
    await expect(MerkleFrontier.restore(600, holed.reader)).rejects.toThrow(FormatError);
    const short = MemoryLog.of(600);
    short.leaves.pop();
    await expect(MerkleFrontier.restore(600, short.reader)).rejects.toThrow('tile 0/2 of width 88 has 2784 bytes');
    const rootless = tileReader({
      readFullTiles: (tiles) => holed.readFullTiles(tiles),
      readLeaves: (from, to) => holed.readLeaves(from, to),
    });
    await expect(MerkleFrontier.restore(600, rootless)).rejects.toThrow(FormatError);
  });

  it('refuses a size that is none', async () => {
    for (const size of [-1, 1.5, Number.NaN, 2 ** 53]) {
      await expect(MerkleFrontier.restore(size, large.reader)).rejects.toThrow(RangeError);
    }
  });
});
