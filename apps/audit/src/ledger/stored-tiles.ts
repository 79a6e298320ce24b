import type { Query } from '@gatehouse/event-store';
import { type TileReader, type TileStore, tileReader } from '@gatehouse/merkle';

type Hashes = { hashes: Buffer | null };

/**
 * The tree as PostgreSQL has it. A connection inside a transaction runs one statement at a time, so reads wait for each
 * other. Reads hashes only, of all tenants: they tell nothing of the entries.
 *
 * @param query connections of the system role
 */
export function storedTiles(query: Query): TileReader {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };
  const store: TileStore = {
    readFullTiles: (tiles) => inTurn(() => selectFullTiles(query, tiles)),
    readLeaves: (from, to) => inTurn(() => selectLeaves(query, from, to)),
    readTileRoots: (level, from, to) => inTurn(() => selectRoots(query, level, from, to)),
  };
  return tileReader(store);
}

async function selectFullTiles(query: Query, tiles: readonly { level: number; index: number }[]): Promise<Buffer[]> {
  const { rows } = await query.query<Hashes>({
    name: 'ledger-tiles',
    text: `select t.hashes from unnest($1::int[], $2::bigint[]) with ordinality as asked(level, n, place)
           left join tiles t on t.level = asked.level and t.n = asked.n order by place`,
    values: [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
  });
  // A missing tile has no bytes: whoever asked refuses that.
  return rows.map((row) => row.hashes ?? Buffer.alloc(0));
}

async function selectLeaves(query: Query, from: number, to: number): Promise<Buffer> {
  const { rows } = await query.query<Hashes>({
    name: 'ledger-leaves',
    text: `select string_agg(leaf_hash, ''::bytea order by idx) hashes from entries where idx >= $1 and idx < $2`,
    values: [from, to],
  });
  return rows[0]?.hashes ?? Buffer.alloc(0);
}

async function selectRoots(query: Query, level: number, from: number, to: number): Promise<Buffer> {
  const { rows } = await query.query<Hashes>({
    name: 'ledger-tile-roots',
    text: `select string_agg(root, ''::bytea order by n) hashes from tiles where level = $1 and n >= $2 and n < $3`,
    values: [level, from, to],
  });
  return rows[0]?.hashes ?? Buffer.alloc(0);
}
