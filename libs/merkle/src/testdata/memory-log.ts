import { hashLeaf } from '../hash.js';
import { type TileStore, tileReader } from '../tile-reader.js';
import { MerkleFrontier } from '../tree.js';

/** Leaf hash number i of the test logs. */
export function testLeaf(index: number): Uint8Array {
  return hashLeaf(Buffer.from(`entry ${index}`));
}

/** A log as the ledger stores it: every leaf hash and full tiles with their roots, both insert-only. */
export class MemoryLog implements TileStore {
  frontier = MerkleFrontier.empty();
  readonly leaves: Uint8Array[] = [];
  readonly tiles = new Map<string, { hashes: Uint8Array; root: Uint8Array }>();
  readonly reader = tileReader(this);
  reads = 0;

  static of(size: number): MemoryLog {
    const log = new MemoryLog();
    log.append(Array.from({ length: size }, (_, i) => testLeaf(i)));
    return log;
  }

  append(leafHashes: readonly Uint8Array[]): void {
    const { next, tiles } = this.frontier.extend(leafHashes);
    for (const leaf of leafHashes) this.leaves.push(leaf);
    for (const { level, index, hashes, root } of tiles) {
      const key = `${level}/${index}`;
      if (this.tiles.has(key)) throw new Error(`tile ${key} written twice`);
      this.tiles.set(key, { hashes, root });
    }
    this.frontier = next;
  }

  async readFullTiles(tiles: readonly { level: number; index: number }[]): Promise<Uint8Array[]> {
    this.reads += tiles.length;
    return tiles.map(({ level, index }) => this.tiles.get(`${level}/${index}`)?.hashes ?? new Uint8Array());
  }

  async readLeaves(from: number, to: number): Promise<Uint8Array> {
    this.reads++;
    return Buffer.concat(this.leaves.slice(from, to));
  }

  async readTileRoots(level: number, from: number, to: number): Promise<Uint8Array> {
    this.reads++;
    const indexes = Array.from({ length: to - from }, (_, i) => from + i);
    return Buffer.concat(indexes.map((index) => this.tiles.get(`${level}/${index}`)?.root ?? new Uint8Array()));
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
