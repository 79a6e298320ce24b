import type { TileReader, TileRef } from '@gatehouse/merkle';
import { describe, expect, it } from '@jest/globals';
import { cachedTiles } from './cached-tiles.js';

const tile = (index: number, width = 256, level = 0): TileRef => ({ level, index, width });

/** Answers tiles filled with their index, and notes what was read. */
function countingReader() {
  const read: TileRef[] = [];
  const reader: TileReader = {
    readTiles: async (tiles) => {
      read.push(...tiles);
      return tiles.map(({ index, width }) => new Uint8Array(width * 32).fill(index));
    },
  };
  return { read, reader };
}

describe('cached tiles', () => {
  it('are read once for each width, and answered in the order asked for', async () => {
    const { read, reader } = countingReader();
    const cached = cachedTiles(reader);
    await cached.readTiles([tile(1), tile(2)]);
    const answer = await cached.readTiles([tile(3), tile(2), tile(1), tile(2, 7)]);
    expect(answer.map((hashes) => [hashes[0], hashes.length])).toEqual([
      [3, 8_192],
      [2, 8_192],
      [1, 8_192],
      [2, 224],
    ]);
    expect(read).toEqual([tile(1), tile(2), tile(3), tile(2, 7)]);
  });

  it('forget what was used longest ago', async () => {
    const { read, reader } = countingReader();
    const cached = cachedTiles(reader, 2);
    for (const index of [1, 2, 1, 3]) await cached.readTiles([tile(index)]);
    read.length = 0;
    await cached.readTiles([tile(1), tile(3)]);
    expect(read).toEqual([]);
    await cached.readTiles([tile(2)]);
    expect(read).toEqual([tile(2)]);
  });

  it('do not remember a hole', async () => {
    let hashes = new Uint8Array();
    const cached = cachedTiles({ readTiles: async (tiles) => tiles.map(() => hashes) });
    expect((await cached.readTiles([tile(0)]))[0]).toHaveLength(0);
    hashes = new Uint8Array(8_192);
    expect((await cached.readTiles([tile(0)]))[0]).toHaveLength(8_192);
  });
});
