import type { TileReader, TileRef } from '@gatehouse/merkle';

/** 8 KiB each at most. */
const defaultMaxTiles = 2_048;

const keyOf = (tile: TileRef): string => `${tile.level}/${tile.index}/${tile.width}`;

/**
 * A reader that remembers. A tile of some width never changes, so nothing can be out of date; what was used longest ago
 * is forgotten first.
 */
export function cachedTiles(reader: TileReader, maxTiles = defaultMaxTiles): TileReader {
  const known = new Map<string, Uint8Array>();
  const remember = (key: string, hashes: Uint8Array): void => {
    known.delete(key);
    known.set(key, hashes);
    const oldest = known.keys().next().value;
    if (known.size > maxTiles && oldest !== undefined) known.delete(oldest);
  };
  return {
    readTiles: async (tiles) => {
      const found = new Map(tiles.map((tile) => [keyOf(tile), known.get(keyOf(tile))]));
      const missing = tiles.filter((tile) => !found.get(keyOf(tile)));
      const read = missing.length > 0 ? await reader.readTiles(missing) : [];
      for (const [i, tile] of missing.entries()) found.set(keyOf(tile), read[i]);
      return tiles.map((tile) => {
        const hashes = found.get(keyOf(tile)) ?? new Uint8Array();
        // An answer of another length is refused by whoever asked, and must not be remembered.
        if (hashes.length === tile.width * 32) remember(keyOf(tile), hashes);
        return hashes;
      });
    },
  };
}
