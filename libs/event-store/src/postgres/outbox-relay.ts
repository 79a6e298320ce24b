import type { Position } from '@gatehouse/contracts';
import type pg from 'pg';
import { Doorbell } from './doorbell.js';
import { Exclusive, type Held } from './exclusive.js';
import { readLog, type StoredEvent } from './rows.js';
import { notifyChannel } from './schema.js';
import type { Wake } from './wake.js';

/** Consecutive events of one service's log. `prev` is the position of the event before the first one. */
export interface OutboxBatch {
  readonly source: string;
  readonly prev: Position;
  readonly events: readonly StoredEvent[];
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
  readonly #unlisten: (() => void)[];
  /** For metrics and readiness: events published, failures in a row, the last position acknowledged. */
  readonly state = { published: 0, failures: 0, position: undefined as Position | undefined };

  constructor(options: OutboxRelayOptions) {
    this.#options = { maxBatch: 1_000, maxBatchBytes: 700_000, ...options };
    const channel = notifyChannel(options.service);
    this.#exclusive = new Exclusive({
      url: options.url,
      name: `outbox:${options.service}`,
      ...(options.password !== undefined && { password: options.password }),
      ...(options.onError && { onError: options.onError }),
    });
    this.#unlisten = [
      options.wake.listen((on) => on === channel && this.#bell.ring()),
      options.wake.onReconnect(() => this.#bell.ring()),
    ];
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
      const position = await loadPosition(client);
      this.state.position = position;
      const page = await readLog(client, position, { limit: this.#options.maxBatch });
      if (page.events.length === 0) {
        await this.#bell.wait(page.held ? heldLookMs : idleLookMs, signal);
        continue;
      }
      const events = withinBytes(page.events, this.#options.maxBatchBytes);
      await this.#publish({ source: this.#options.service, prev: position, events }, signal);
      if (signal.aborted) return;
      // COMMIT POINT of "published". A crash before it publishes these events again, perhaps with newer ones behind
      // them; through this client, so a relay that lost its lock cannot move the position.
      const moved = await savePosition(client, position, events.at(-1)?.position ?? position);
      if (moved) this.state.published += events.length;
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
        await new Doorbell().wait(waitMs, signal);
      }
    }
  }
}

async function loadPosition(client: pg.Client): Promise<Position> {
  const { rows } = await client.query<{ tx: string; seq: string }>('select tx::text, seq::text from outbox');
  return { tx: BigInt(rows[0]?.tx ?? 0), seq: BigInt(rows[0]?.seq ?? 0) };
}

/** False when the position was rewound meanwhile: the loop then reads it anew. */
async function savePosition(client: pg.Client, from: Position, to: Position): Promise<boolean> {
  const { rowCount } = await client.query(
    `update outbox set tx = $1::xid8, seq = $2 where tx = $3::xid8 and seq = $4`,
    [String(to.tx), String(to.seq), String(from.tx), String(from.seq)],
  );
  return rowCount === 1;
}

/** Lets a source publish again from `to` on: for a consumer that found a gap. Never moves forward. */
export async function rewindOutbox(pool: pg.Pool, to: Position): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update outbox set tx = $1::xid8, seq = $2 where (tx, seq) > ($1::xid8, $2::bigint)`,
    [String(to.tx), String(to.seq)],
  );
  return rowCount === 1;
}

/** The longest prefix that fits, and always at least one event (a single event is bounded by the envelope's limit). */
export function withinBytes(events: readonly StoredEvent[], maxBytes: number): readonly StoredEvent[] {
  let bytes = 0;
  const end = events.findIndex((event, i) => {
    bytes += Buffer.byteLength(event.text) + 48;
    return i > 0 && bytes > maxBytes;
  });
  return end === -1 ? events : events.slice(0, end);
}
