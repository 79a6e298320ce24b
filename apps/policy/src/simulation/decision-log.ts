import { type Position, startPosition } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import { decisionTypes } from './recorded-decision.js';

export const pageLimits = { events: 500, chars: 4_000_000, scanned: 20_000 } as const;

/** Transactions live at most 15 s, so what was recorded at one time stands in the log within this of it. */
const slackMs = 60_000;

export interface DecisionPage {
  /** Texts of envelopes: parsed one by one, between the turns of the event loop. */
  readonly texts: readonly string[];
  readonly position: Position;
  readonly isLast: boolean;
}

/**
 * The next events of one tenant's decisions, bounded in number, size and in how much of the log is looked at for them. Run
 * by the system role, which sees every tenant: the condition on the tenant is the only wall, and it is written once, here.
 */
export async function readDecisionPage(
  query: Query,
  tenantId: string,
  after: Position,
  upTo: Position,
): Promise<DecisionPage> {
  const between = [String(after.tx), String(after.seq), String(upTo.tx), String(upTo.seq)];
  const { rows } = await query.query<{ tx: string; seq: string; envelope: string }>({
    name: 'replay-page',
    text: `select tx::text, seq::text, envelope from (
             select tx, seq, envelope, sum(octet_length(envelope)) over (order by tx, seq) - octet_length(envelope) as before
             from (select tx, seq, envelope
                   from (select tx, seq, tenant_id, type, envelope from events
                         where (tx, seq) > ($1::xid8, $2::bigint) and (tx, seq) <= ($3::xid8, $4::bigint)
                         order by tx, seq limit $5) scanned
                   where tenant_id = $6 and type = any($7) order by tx, seq limit $8) page) sized
           where before < $9 order by sized.tx, sized.seq`,
    values: [...between, pageLimits.scanned, tenantId, decisionTypes, pageLimits.events, pageLimits.chars],
  });
  const last = rows.at(-1);
  const texts = rows.map(({ envelope }) => envelope);
  if (last) return { texts, position: { tx: BigInt(last.tx), seq: BigInt(last.seq) }, isLast: false };
  const end = await query.query<{ tx: string; seq: string }>({
    name: 'replay-skip',
    text: `select tx::text, seq::text from events
           where (tx, seq) > ($1::xid8, $2::bigint) and (tx, seq) <= ($3::xid8, $4::bigint)
           order by events.tx, events.seq offset $5 limit 1`,
    values: [...between, pageLimits.scanned - 1],
  });
  const skipped = end.rows[0];
  if (!skipped) return { texts, position: upTo, isLast: true };
  return { texts, position: { tx: BigInt(skipped.tx), seq: BigInt(skipped.seq) }, isLast: false };
}

/** Everything before this position was recorded before `timeMs`, as closely as transactions that overlap allow. */
export async function positionBefore(query: Query, timeMs: number, upTo: Position): Promise<Position> {
  let [low, high] = [0n, upTo.tx + 1n];
  // The transaction ids of a log grow with time: halving their range needs no index on it.
  while (low < high) {
    const middle = (low + high) / 2n;
    const { rows } = await query.query<{ tx: string; late: boolean }>({
      name: 'replay-seek',
      text: `select tx::text, recorded_at >= $2 as late from events where tx >= $1::xid8 order by events.tx, events.seq limit 1`,
      values: [String(middle), new Date(timeMs - slackMs)],
    });
    const found = rows[0];
    if (!found || found.late) high = middle;
    else low = BigInt(found.tx) + 1n;
  }
  return low === 0n ? startPosition : { tx: low - 1n, seq: 9_223_372_036_854_775_807n };
}
