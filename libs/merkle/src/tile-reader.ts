import { FormatError } from './errors.js';
import { foldPerfect, HASH_BYTES } from './hash.js';
import { TILE_BYTES, TILE_WIDTH, type TileRef } from './tiles.js';

/** Where proofs and a restored frontier get their hashes from. */
export interface TileReader {
  /** The hashes of every tile asked for, in that order, `width * 32` bytes each. One call per proof or restore. */
  readTiles(tiles: readonly TileRef[]): Promise<readonly Uint8Array[]>;
}

/** A store that keeps every leaf hash and full tiles only. All three reads return hashes one after another. */
export interface TileStore {
  /** Full tiles, in the order asked for, 8,192 bytes each. */
  readFullTiles(tiles: readonly { readonly level: number; readonly index: number }[]): Promise<readonly Uint8Array[]>;
  /** Leaf hashes `from` to `to - 1`, at most 255 of them. */
  readLeaves(from: number, to: number): Promise<Uint8Array>;
  /** Roots of the full tiles `from` to `to - 1` of a level, at most 255. Without it they are hashed anew from those tiles. */
  readTileRoots?(level: number, from: number, to: number): Promise<Uint8Array>;
}

/**
 * A reader over a store of leaf hashes and full tiles. A partial tile is never stored: at level 0 it is a run of leaf hashes,
 * above that a run of the roots of full tiles one level down.
 *
 * @example const reader = tileReader({ readFullTiles, readLeaves, readTileRoots });
 */
export function tileReader(store: TileStore): TileReader {
  return {
    async readTiles(tiles) {
      const full = tiles.filter((tile) => tile.width === TILE_WIDTH);
      const [fullHashes, ...partialHashes] = await Promise.all([
        full.length > 0 ? store.readFullTiles(full) : [],
        ...tiles.filter((tile) => tile.width < TILE_WIDTH).map((tile) => readPartial(store, tile)),
      ]);
      const [nextFull, nextPartial] = [fullHashes.values(), partialHashes.values()];
      return tiles.map((tile) => {
        const hashes = (tile.width === TILE_WIDTH ? nextFull : nextPartial).next().value;
        if (hashes === undefined) throw new FormatError(`${describe(tile)} was not read`);
        return hashes;
      });
    },
  };
}

async function readPartial(store: TileStore, tile: TileRef): Promise<Uint8Array> {
  const from = tile.index * TILE_WIDTH;
  const to = from + tile.width;
  if (tile.level === 0) return store.readLeaves(from, to);
  if (store.readTileRoots !== undefined) return store.readTileRoots(tile.level - 1, from, to);
  const below = Array.from({ length: tile.width }, (_, i) => ({ level: tile.level - 1, index: from + i }));
  const tiles = await store.readFullTiles(below);
  const roots = new Uint8Array(tile.width * HASH_BYTES);
  for (const [i, hashes] of tiles.entries()) {
    if (hashes.length !== TILE_BYTES) throw new FormatError(`tile ${tile.level - 1}/${from + i} is not 8192 bytes`);
    roots.set(foldPerfect(hashes, 0, TILE_WIDTH), i * HASH_BYTES);
  }
  return roots;
}

function describe(tile: TileRef): string {
  return `tile ${tile.level}/${tile.index} of width ${tile.width}`;
}

/** Reads tiles and refuses an answer of another shape, so that a hole in the store is an error and never a wrong root. */
export async function readChecked(reader: TileReader, tiles: readonly TileRef[]): Promise<readonly Uint8Array[]> {
  if (tiles.length === 0) return [];
  const read = await reader.readTiles(tiles);
  for (const [i, tile] of tiles.entries()) {
    const bytes = read[i]?.length ?? 0;
    if (bytes !== tile.width * HASH_BYTES) throw new FormatError(`${describe(tile)} has ${bytes} bytes`);
  }
  return read;
}
