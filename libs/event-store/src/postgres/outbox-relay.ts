import type { Position } from '@gatehouse/contracts';
import type pg from 'pg';
import { Doorbell } from './doorbell.js';
import { Exclusive, type Held, pause } from './exclusive.js';
import { highRate, readLog, type StoredEvent } from './rows.js';
import { notifyChannel } from './schema.js';
import type { Wake } from './wake.js';

/** Consecutive events of one service's log. `prev` is the position of the event before the first one. */
export interface OutboxBatch {
  readonly source: string;
  readonly prev: Position;
  readonly events: readonly StoredEvent[];
  /** How often this log was rewound: events that are published again on request are no copies to be dropped. */
  readonly rewinds: number;
}

export interface OutboxRelayOptions {
  readonly service: string;
  /** A login of the service's system role. */
  readonly url: string;
  readonly password?: string;
  readonly wake: Wake;
  /** Resolves when the bus has the batch for good; rejects when it may not. Called again with the same events then. */
  readonly publish: (batch: OutboxBatch) => Promise<void>;
  readonly maxBatch?: number;
  readonly maxBatchBytes?: number;
  /** How long high-rate events gather for the next page; the first after a silence, and any other event, goes out at once. */
  readonly gatherMs?: number;
  readonly onError?: (error: Error) => void;
}

const idleLookMs = 1_000;
const heldLookMs = 3;

/**
 * Publishes a service's log in commit order. One relay is active per service; the others wait for its session to end.
 * A batch is published again until it is acknowledged and the next one only then, so on the bus every event is first
 * seen after all earlier ones: consumers may ignore whatever is not past the position they have applied.
 */
export class OutboxRelay {
  readonly #options: Required<Omit<OutboxRelayOptions, 'password' | 'onError'>> & OutboxRelayOptions;
  readonly #exclusive: Exclusive;
  readonly #bell = new Doorbell();
  /** For everything but high-rate events. */
  readonly #urgent = new Doorbell();
  readonly #unlisten: (() => void)[];
  /** For metrics and readiness: events published, failures in a row, the last position acknowledged. */
  readonly state = { published: 0, failures: 0, position: undefined as Position | undefined };

  constructor(options: OutboxRelayOptions) {
    this.#options = { maxBatch: 1_000, maxBatchBytes: 700_000, gatherMs: 100, ...options };
    const channel = notifyChannel(options.service);
    this.#exclusive = new Exclusive({
      url: options.url,
      name: `outbox:${options.service}`,
      ...(options.password !== undefined && { password: options.password }),
      ...(options.onError && { onError: options.onError }),
    });
    this.#unlisten = [
      options.wake.listen((on, payload) => on === channel && this.#ring(payload !== highRate)),
      options.wake.onReconnect(() => this.#ring(true)),
    ];
  }

  #ring(isUrgent: boolean): void {
    if (isUrgent) this.#urgent.ring();
    this.#bell.ring();
  }

  get active(): boolean {
    return this.#exclusive.holding;
  }

  start(): this {
    this.#exclusive.start((held) => this.#relay(held));
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#unlisten) end();
    await this.#exclusive.stop();
  }

  async #relay({ client, signal }: Held): Promise<void> {
    while (!signal.aborted) {
      const mark = await loadMark(client);
      this.state.position = mark.position;
      const page = await readLog(client, mark.position, { limit: this.#options.maxBatch });
      if (page.events.length === 0) {
        await this.#bell.wait(page.held ? heldLookMs : idleLookMs, signal);
        continue;
      }
      await this.#publishPage(client, mark, page.events, signal);
      // A page costs four statements, a commit and a message, whether it brings one decision or those of a tenth of a second; so does
      // everyone who consumes it.
      if (page.events.length < this.#options.maxBatch) await this.#urgent.wait(this.#options.gatherMs, signal);
    }
  }

  async #publishPage(client: pg.Client, mark: Mark, page: readonly StoredEvent[], signal: AbortSignal): Promise<void> {
    let { position } = mark;
    for (const events of cutByBytes(page, this.#options.maxBatchBytes)) {
      await this.#publish({ source: this.#options.service, prev: position, events, rewinds: mark.rewinds }, signal);
      if (signal.aborted) return;
      const next = events.at(-1)?.position ?? position;
      // COMMIT POINT of "published". A crash before it publishes these events again, perhaps with newer ones behind
      // them; through this client, so a relay that lost its lock cannot move the position.
      if (!(await savePosition(client, { position, rewinds: mark.rewinds }, next))) return;
      position = next;
      this.state.position = next;
      this.state.published += events.length;
    }
  }

  async #publish(batch: OutboxBatch, signal: AbortSignal): Promise<void> {
    for (let waitMs = 50; !signal.aborted; waitMs = Math.min(waitMs * 2, 2_000)) {
      try {
        await this.#options.publish(batch);
        this.state.failures = 0;
        return;
      } catch (error) {
        this.state.failures++;
        this.#options.onError?.(error as Error);
        await pause(waitMs, signal);
      }
    }
  }
}

interface Mark {
  readonly position: Position;
  readonly rewinds: number;
}

async function loadMark(client: pg.Client): Promise<Mark> {
  const { rows } = await client.query<{ tx: string; seq: string; rewinds: number }>({
    name: 'outbox-position',
    text: 'select tx::text, seq::text, rewinds from outbox',
  });
  const row = rows[0];
  if (!row) throw new Error('the outbox has lost its row');
  return { position: { tx: BigInt(row.tx), seq: BigInt(row.seq) }, rewinds: row.rewinds };
}

/** False when the position was rewound meanwhile: it must be read anew then. */
async function savePosition(client: pg.Client, from: Mark, to: Position): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'save-outbox-position',
    text: 'update outbox set tx = $1::xid8, seq = $2 where tx = $3::xid8 and seq = $4 and rewinds = $5',
    values: [String(to.tx), String(to.seq), String(from.position.tx), String(from.position.seq), from.rewinds],
  });
  return rowCount === 1;
}

/**
 * Lets a source publish again from `to` on: for a consumer that found a gap. Never moves forward; false when the
 * position is not past `to`, so that the events are still to come anyway.
 */
export async function rewindOutbox(pool: pg.Pool, to: Position): Promise<boolean> {
  // The role's search path begins with the service's schema, and the wake-up channel bears its name.
  const { rowCount } = await pool.query(
    `with moved as (update outbox set tx = $1::xid8, seq = $2, rewinds = rewinds + 1
                    where (tx, seq) > ($1::xid8, $2::bigint) returning 1)
     select pg_notify('gatehouse_events_' || current_schema(), '') from moved`,
    [String(to.tx), String(to.seq)],
  );
  return rowCount === 1;
}

/** Cuts a page into batches that fit, each with at least one event (the envelope's limit bounds a single one). */
export function cutByBytes(events: readonly StoredEvent[], maxBytes: number): readonly (readonly StoredEvent[])[] {
  const batches: StoredEvent[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const size = Buffer.byteLength(event.text) + positionBytes;
    if (bytes + size > maxBytes) {
      batches.push([]);
      bytes = 0;
    }
    bytes += size;
    batches.at(-1)?.push(event);
  }
  return batches;
}

/** A position, a tab and a line break beside every event. */
const positionBytes = 48;
