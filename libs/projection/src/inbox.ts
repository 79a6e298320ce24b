import type { ReceivedBatch } from '@gatehouse/bus';
import { comparePositions, type Position, startPosition } from '@gatehouse/contracts';
import { inTransaction, parseEnvelope } from '@gatehouse/event-store';
import type pg from 'pg';
import { applyOrPark } from './parking.js';
import type { ProjectedEvent } from './projection.js';

export interface InboxOptions {
  readonly consumer: string;
  readonly sources: readonly string[];
  /** Connections of the service's system role. */
  readonly pool: pg.Pool;
  /** The effect, in the transaction that also moves the position. */
  readonly apply: (client: pg.PoolClient, events: readonly ProjectedEvent[]) => Promise<void>;
  /** False for a consumer that may leave no event out (the ledger): it stops and says so instead. */
  readonly parks: boolean;
  readonly onParked?: (count: number) => void;
  /** Called when events before a message have been missing for `gapAfterMs`: have the source publish them again. */
  readonly onGap: (source: string, have: Position) => void;
  readonly gapAfterMs?: number;
  readonly now?: () => number;
}

/**
 * Exactly-once effects of events from other services. The position applied per source moves in the transaction of the
 * effect; whatever is not past it is skipped. A message whose predecessor has not been applied waits: it is either in
 * flight elsewhere, or lost, and then the source is asked to publish again.
 */
export class Inbox {
  readonly #options: Required<Omit<InboxOptions, 'onParked'>> & InboxOptions;
  readonly #gaps = new Map<string, number>();
  readonly state = { applied: 0, skipped: 0, parked: 0, positions: new Map<string, Position>() };

  constructor(options: InboxOptions) {
    this.#options = { gapAfterMs: 12_000, now: Date.now, ...options };
  }

  get name(): string {
    return this.#options.consumer;
  }

  /** Sources of which messages are missing now. */
  get gaps(): readonly string[] {
    return [...this.#gaps.keys()];
  }

  /** For the bus: applies what can be applied, in one transaction. Answers for each message whether it is done. */
  readonly handle = async (batches: readonly ReceivedBatch[]): Promise<readonly boolean[]> => {
    const { pool, consumer, parks, apply } = this.#options;
    const outcome = await inTransaction(pool, async (client) => {
      const before = await lockPositions(client, consumer, this.#options.sources);
      const plan = planBatches(batches, before);
      if (plan.events.length > 0) {
        if (parks)
          this.#countParked(
            await applyOrPark(client, consumer, (c) => apply(c as pg.PoolClient, plan.events), plan.events),
          );
        else await apply(client, plan.events);
        await savePositions(client, consumer, before, plan.positions);
      }
      return plan; // COMMIT POINT of the effect and the position together
    });
    this.state.applied += outcome.events.length;
    this.state.skipped += outcome.skipped;
    this.state.positions = outcome.positions;
    this.#watchGaps(outcome);
    return outcome.done;
  };

  #countParked(count: number): void {
    this.state.parked += count;
    if (count > 0) this.#options.onParked?.(count);
  }

  #watchGaps({ missing, positions }: Plan): void {
    const now = this.#options.now();
    for (const source of this.#options.sources) {
      if (!missing.has(source)) {
        this.#gaps.delete(source);
        continue;
      }
      const since = this.#gaps.get(source);
      if (since === undefined) this.#gaps.set(source, now);
      else if (now - since >= this.#options.gapAfterMs) {
        this.#gaps.set(source, now);
        this.#options.onGap(source, positions.get(source) ?? startPosition);
      }
    }
  }
}

interface Plan {
  readonly done: readonly boolean[];
  readonly events: readonly ProjectedEvent[];
  readonly positions: Map<string, Position>;
  readonly skipped: number;
  readonly missing: ReadonlySet<string>;
}

/** Pure: which events of these messages are next, given what each source's position is. */
export function planBatches(batches: readonly ReceivedBatch[], before: ReadonlyMap<string, Position>): Plan {
  const positions = new Map(before);
  const missing = new Set<string>();
  const events: ProjectedEvent[] = [];
  let skipped = 0;
  const done = batches.map((batch) => {
    const have = positions.get(batch.source);
    if (have === undefined) return false; // not a source this consumer was told of
    if (comparePositions(batch.prev, have) > 0) {
      missing.add(batch.source);
      return false;
    }
    const fresh = batch.events.filter((event) => comparePositions(event.position, have) > 0);
    skipped += batch.events.length - fresh.length;
    for (const event of fresh) events.push({ ...event, source: batch.source, envelope: parseEnvelope(event.text) });
    const last = fresh.at(-1)?.position;
    if (last) positions.set(batch.source, last);
    return true;
  });
  return { done, events, positions, skipped, missing };
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
