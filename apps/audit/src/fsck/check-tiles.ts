import type { Query } from '@gatehouse/event-store';
import { HASH_BYTES, TILE_WIDTH, type Tile } from '@gatehouse/merkle';
import type { ProblemList } from './problem-list.js';

interface StoredTile {
  readonly hashes: Buffer | null;
  readonly root: Buffer | null;
}

/** Compares tiles made from the entries with the stored ones. */
export async function checkTiles(query: Query, tiles: readonly Tile[], problems: ProblemList): Promise<void> {
  if (tiles.length === 0) return;
  const { rows } = await query.query<StoredTile>({
    name: 'fsck-tiles',
    text: `select t.hashes, t.root from unnest($1::int[], $2::bigint[]) with ordinality as asked(level, n, place)
           left join tiles t on t.level = asked.level and t.n = asked.n order by place`,
    values: [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
  });
  for (const [i, tile] of tiles.entries()) checkTile(tile, rows[i], problems);
}

function checkTile(tile: Tile, stored: StoredTile | undefined, problems: ProblemList): void {
  const name = `tile ${tile.level}/${tile.index}`;
  const leavesEach = TILE_WIDTH ** tile.level;
  const firstLeaf = tile.index * TILE_WIDTH * leavesEach;
  if (!stored?.hashes || !stored.root) {
    problems.add(firstLeaf, `${name} is missing`);
    return;
  }
  const place = firstDifference(stored.hashes, tile.hashes);
  if (place !== undefined) problems.add(firstLeaf + place * leavesEach, `${name} differs in hash ${place}`);
  else if (Buffer.compare(stored.root, tile.root) !== 0) problems.add(firstLeaf, `${name} has another root`);
}

/** Place of the first hash that differs. */
function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  for (let place = 0; place < TILE_WIDTH; place++) {
    const [from, to] = [place * HASH_BYTES, (place + 1) * HASH_BYTES];
    if (Buffer.compare(a.subarray(from, to), b.subarray(from, to)) !== 0) return place;
  }
  return undefined;
}

/** Stored tiles that a ledger of the present size does not have. */
export async function checkNoOtherTiles(query: Query, problems: ProblemList): Promise<void> {
  const { rows } = await query.query<{ level: number; n: string }>(
    `select t.level, t.n::text from tiles t, ledger_head h
     where (t.n + 1) * power(256::numeric, t.level + 1) > h.size order by t.level, t.n limit 1`,
  );
  for (const { level, n } of rows) {
    problems.add(Number(n) * TILE_WIDTH ** (level + 1), `tile ${level}/${n} reaches past the end of the ledger`);
  }
}
