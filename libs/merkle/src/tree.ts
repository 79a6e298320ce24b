import { emptyRoot, foldPerfect, HASH_BYTES, hashNode } from './hash.js';
import { readChecked, type TileReader } from './tile-reader.js';
import { edgeTiles, TILE_BYTES, TILE_WIDTH, type Tile } from './tiles.js';

const TILE_HEIGHT = 8;

/** What {@link MerkleFrontier.extend} hands back. */
export interface Extension {
  /** The log after the new leaves. Adopt it only once the leaves and `tiles` are durable. */
  readonly next: MerkleFrontier;
  /** Tiles that became full, in the order they filled up: insert them in the same transaction as the leaves. */
  readonly tiles: readonly Tile[];
}

/**
 * The right edge of an append-only RFC 6962 tree: what a sequencer must hold to append and to name the root.
 *
 * A frontier never changes. `extend` computes the next one, the caller commits, and only then uses it; when the commit fails
 * the old frontier is still the truth. Memory: at most 8 KiB a level, three levels up to 16 million leaves.
 *
 * @example
 * const { next, tiles } = frontier.extend(entries.map(hashLeaf));
 * await commit(frontier.size, entries, tiles);
 * frontier = next;
 * formatCheckpoint({ origin, size: frontier.size, root: frontier.root() });
 */
export class MerkleFrontier {
  #size = 0;
  /** Per level: the hashes of its partial tile, and how many there are. */
  #partials: { hashes: Uint8Array; width: number }[] = [];
  /** Root of the perfect subtree of height h at the right edge, at position h; meaningful where bit h of the size is set. */
  #edge: (Uint8Array | undefined)[] = [];

  private constructor() {}

  /** The log with no entries. */
  static empty(): MerkleFrontier {
    return new MerkleFrontier();
  }

  /**
   * The frontier of a stored log. Reads one partial tile a level, in one call.
   *
   * @param size leaves in the log
   * @throws FormatError when the reader's answer is not what a log of this size has
   */
  static async restore(size: number, reader: TileReader): Promise<MerkleFrontier> {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('the size of a log is a whole number');
    const frontier = new MerkleFrontier();
    frontier.#size = size;
    const tiles = edgeTiles(size);
    const read = await readChecked(reader, tiles);
    for (const [i, tile] of tiles.entries()) {
      const partial = frontier.#partial(tile.level);
      partial.hashes.set(read[i] ?? []);
      partial.width = tile.width;
      frontier.#restoreEdge(tile.level, partial.hashes, tile.width);
    }
    return frontier;
  }

  /** Leaves in the log; also the index of the next entry. */
  get size(): number {
    return this.#size;
  }

  /** The root of the log: 32 fresh bytes (RFC 6962 section 2.1). */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const [level, { width }] of this.#partials.entries()) {
      for (let bit = 0; bit < TILE_HEIGHT; bit++) {
        const subtree = (width & (1 << bit)) === 0 ? undefined : this.#edge[level * TILE_HEIGHT + bit];
        if (subtree !== undefined) root = root === undefined ? new Uint8Array(subtree) : hashNode(subtree, root);
      }
    }
    return root ?? emptyRoot();
  }

  /**
   * The log with these leaves appended; this frontier stays as it is.
   *
   * @param leafHashes hashes of the new entries in order ({@link hashLeaf}), 32 bytes each; copied
   * @throws RangeError when a hash is not 32 bytes
   */
  extend(leafHashes: readonly Uint8Array[]): Extension {
    const next = this.#copy();
    const tiles: Tile[] = [];
    for (const leafHash of leafHashes) {
      if (leafHash.length !== HASH_BYTES) throw new RangeError('a leaf hash is 32 bytes');
      next.#append(leafHash, tiles);
    }
    // Within the loop the last leaf is kept by reference; nothing of the caller's may stay in the frontier.
    // Not slice(): of a Buffer that is a view of the same memory.
    const [lastLeaf] = next.#edge;
    if (lastLeaf !== undefined) next.#edge[0] = new Uint8Array(lastLeaf);
    return { next, tiles };
  }

  #append(leafHash: Uint8Array, tiles: Tile[]): void {
    this.#size++;
    let node = leafHash;
    for (let level = 0; ; level++) {
      const partial = this.#partial(level);
      partial.hashes.set(node, partial.width * HASH_BYTES);
      // Binary counter: every set bit of the width is a finished subtree that the new node closes.
      let height = 0;
      for (; (partial.width & (1 << height)) !== 0; height++) {
        node = hashNode(this.#edge[level * TILE_HEIGHT + height] ?? node, node);
      }
      if (height < TILE_HEIGHT) {
        this.#edge[level * TILE_HEIGHT + height] = node;
        partial.width++;
        return;
      }
      const index = this.#size / TILE_WIDTH ** (level + 1) - 1;
      tiles.push({ level, index, hashes: partial.hashes, root: new Uint8Array(node) });
      this.#partials[level] = { hashes: new Uint8Array(TILE_BYTES), width: 0 };
    }
  }

  #partial(level: number): { hashes: Uint8Array; width: number } {
    for (let missing = this.#partials.length; missing <= level; missing++) {
      this.#partials.push({ hashes: new Uint8Array(TILE_BYTES), width: 0 });
    }
    const partial = this.#partials[level];
    if (partial === undefined) throw new RangeError('no such level');
    return partial;
  }

  #copy(): MerkleFrontier {
    const copy = new MerkleFrontier();
    copy.#size = this.#size;
    copy.#edge = this.#edge.slice();
    copy.#partials = this.#partials.map(({ hashes, width }) => ({ hashes: hashes.slice(), width }));
    return copy;
  }

  #restoreEdge(level: number, hashes: Uint8Array, width: number): void {
    let start = 0;
    for (let bit = TILE_HEIGHT - 1; bit >= 0; bit--) {
      if ((width & (1 << bit)) === 0) continue;
      this.#edge[level * TILE_HEIGHT + bit] = foldPerfect(hashes, start, 1 << bit);
      start += 1 << bit;
    }
  }
}
