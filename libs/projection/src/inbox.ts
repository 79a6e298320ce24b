import type { ReceivedBatch } from '@gatehouse/bus';
import type { Position } from '@gatehouse/contracts';
import { inTransaction } from '@gatehouse/event-store';
import type pg from 'pg';
import { Gaps } from './gaps.js';
import { applyOrPark } from './parking.js';
import { planBatches } from './plan-batches.js';
import type { ProjectedEvent } from './projection.js';

export interface InboxOptions {
  readonly consumer: string;
  readonly sources: readonly string[];
  /** Connections of the service's system role. */
  readonly pool: pg.Pool;
  /** The effect, in the transaction that also moves the position. */
  readonly apply: (client: pg.PoolClient, events: readonly ProjectedEvent[]) => Promise<void>;
  /**
   * Whether an event concerns this consumer, by its canonical text: the others are neither parsed nor applied, and the
   * position moves past them. All do, unless this is given.
   */
  readonly concerns?: (text: string) => boolean;
  /** False for a consumer that may leave no event out (the ledger): it stops and says so instead. */
  readonly parks: boolean;
  readonly onParked?: (count: number) => void;
  /**
   * Called when events before a message have been missing for `gapAfterMs`: have the source rewind its outbox to `have`,
   * and answer whether it did. Only then are the messages behind the gap given up, which otherwise take all the places
   * of the consumer, so that the lost ones could never be delivered; they come again, too.
   */
  readonly onGap: (source: string, have: Position) => Promise<boolean> | undefined;
  readonly gapAfterMs?: number;
  readonly now?: () => number;
}

/**
 * Exactly-once effects of events from other services. The position applied per source moves in the transaction of the
 * effect; whatever is not past it is skipped. A message whose predecessor has not been applied waits: it is either in
 * flight elsewhere, or lost, and then the source is asked to publish again.
 */
export class Inbox {
  readonly #options: Required<Omit<InboxOptions, 'onParked' | 'concerns'>> & InboxOptions;
  readonly #gaps: Gaps;
  readonly state = { applied: 0, skipped: 0, parked: 0, positions: new Map<string, Position>() };

  constructor(options: InboxOptions) {
    this.#options = { gapAfterMs: 12_000, now: Date.now, ...options };
    this.#gaps = new Gaps(this.#options);
  }

  get name(): string {
    return this.#options.consumer;
  }

  /** Sources of which messages are missing now. */
  get gaps(): readonly string[] {
    return this.#gaps.open();
  }

  /** For the bus: applies what can be applied, in one transaction. Answers for each message whether it is done. */
  readonly handle = async (batches: readonly ReceivedBatch[]): Promise<readonly boolean[]> => {
    const { pool, consumer, sources, concerns } = this.#options;
    const { plan, parked } = await inTransaction(pool, async (client) => {
      const before = await lockPositions(client, consumer, sources);
      const next = planBatches(batches, before, this.#gaps.superseded, concerns);
      const count = next.events.length === 0 ? 0 : await this.#apply(client, next.events);
      await savePositions(client, consumer, before, next.positions);
      return { plan: next, parked: count }; // COMMIT POINT of the effect and the position together
    });
    this.state.applied += plan.events.length;
    this.state.skipped += plan.skipped;
    this.state.parked += parked;
    this.state.positions = plan.positions;
    if (parked > 0) this.#options.onParked?.(parked);
    this.#gaps.watch(plan);
    return plan.done;
  };

  async #apply(client: pg.PoolClient, events: readonly ProjectedEvent[]): Promise<number> {
    const { consumer, parks, apply } = this.#options;
    if (parks) return applyOrPark(client, consumer, (c, part) => apply(c as pg.PoolClient, part), events);
    await apply(client, events);
    return 0;
  }
}

async function lockPositions(client: pg.PoolClient, consumer: string, sources: readonly string[]) {
  const select = () =>
    client.query<{ source: string; tx: string; seq: string }>({
      name: 'inbox-positions',
      text: `select source, tx::text, seq::text from inbox_positions where consumer = $1 order by source for update`,
      values: [consumer],
    });
  let { rows } = await select();
  if (rows.length < sources.length) {
    await client.query(
      'insert into inbox_positions (consumer, source) select $1, unnest($2::text[]) on conflict do nothing',
      [consumer, sources],
    );
    ({ rows } = await select());
  }
  return new Map(rows.map((row) => [row.source, { tx: BigInt(row.tx), seq: BigInt(row.seq) }]));
}

async function savePositions(
  client: pg.PoolClient,
  consumer: string,
  before: ReadonlyMap<string, Position>,
  after: ReadonlyMap<string, Position>,
): Promise<void> {
  for (const [source, position] of after) {
    if (before.get(source) === position) continue;
    await client.query({
      name: 'save-inbox-position',
      text: 'update inbox_positions set tx = $3::xid8, seq = $4 where consumer = $1 and source = $2',
      values: [consumer, source, String(position.tx), String(position.seq)],
    });
  }
}
