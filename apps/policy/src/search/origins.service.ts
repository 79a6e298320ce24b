import { formatPosition, parsePosition } from '@gatehouse/contracts';
import { parseEnvelope } from '@gatehouse/event-store';
import { type Platform, readAsTenant } from '@gatehouse/service';
import type { Because, Origin, OriginOf, Traced } from './origins.js';

interface Row {
  readonly tx: string;
  readonly seq: string;
  readonly stream_id: string;
  readonly type: string;
  readonly envelope: string;
}

const keyOf = ({ stream, type }: OriginOf): string => `${type} ${stream}`;

/** The last event of each kind in each stream, as the log was at a position. */
const lastEvents = `
  select distinct on (stream_id, type) tx::text, seq::text, stream_id, type, envelope from events
  where tenant_id = $1 and stream_id = any($2) and type = any($3) and (tx, seq) <= ($4::xid8, $5::bigint)
  order by stream_id, type, revision desc`;

/** Finds the events that made grants, memberships, ownership and policy what they were. */
export class Origins {
  constructor(private readonly database: Pick<Platform['database'], 'source'>) {}

  /** In the order of what was asked. One query, under the row-level security of the tenant. */
  async explain(
    tenantId: string,
    position: string,
    asked: readonly (readonly Traced[])[],
  ): Promise<readonly (readonly Because[])[]> {
    const all = asked.flatMap((traced) => traced.flatMap(({ from }) => from));
    const found = await this.#read(tenantId, position, all);
    return asked.map((traced) =>
      traced.map(({ match, from }) => ({ ...match, events: from.flatMap((each) => found.get(keyOf(each)) ?? []) })),
    );
  }

  async #read(tenantId: string, position: string, all: readonly OriginOf[]): Promise<ReadonlyMap<string, Origin>> {
    const found = new Map<string, Origin>();
    if (all.length === 0) return found;
    const { tx, seq } = parsePosition(position);
    const streams = [...new Set(all.map(({ stream }) => stream))];
    const types = [...new Set(all.map(({ type }) => type))];
    const rows: Row[] = await readAsTenant(this.database.source, tenantId, (manager) =>
      manager.query(lastEvents, [tenantId, streams, types, String(tx), String(seq)]),
    );
    for (const row of rows) {
      const { id, type, occurredAt, actor } = parseEnvelope(row.envelope);
      const at = formatPosition({ tx: BigInt(row.tx), seq: BigInt(row.seq) });
      found.set(`${row.type} ${row.stream_id}`, { id, type, position: at, occurredAt, actor });
    }
    return found;
  }
}
