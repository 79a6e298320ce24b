import { type Position, startPosition } from '@gatehouse/contracts';
import type pg from 'pg';

type Client = Pick<pg.ClientBase, 'query'>;

/** Up to where a read model holds the log. */
export async function loadPosition(client: Client, name: string): Promise<Position> {
  const { rows } = await client.query<{ tx: string; seq: string }>({
    name: 'projection-position',
    text: 'select tx::text, seq::text from projection_positions where name = $1',
    values: [name],
  });
  return rows[0] ? { tx: BigInt(rows[0].tx), seq: BigInt(rows[0].seq) } : startPosition;
}

export const savePosition = (client: Client, name: string, position: Position) =>
  client.query({
    name: 'save-projection-position',
    text: 'update projection_positions set tx = $2::xid8, seq = $3 where name = $1',
    values: [name, String(position.tx), String(position.seq)],
  });
