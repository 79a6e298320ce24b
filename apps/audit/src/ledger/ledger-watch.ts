import { pause, type Query } from '@gatehouse/event-store';

/** The ledger as this replica last saw it. Times in Unix milliseconds; undefined where there is nothing yet. */
export interface LedgerState {
  readonly size: number;
  /** When the newest entry happened. */
  readonly newestAtMs: number | undefined;
  readonly checkpointSize: number | undefined;
  readonly checkpointAtMs: number | undefined;
  /** Since when there have been entries without a checkpoint, to the second. */
  readonly unsignedSinceMs: number | undefined;
}

const lookMs = 1_000;

/** Looks at the ledger once a second, on every replica: metrics and readiness are read from memory. */
export class LedgerWatch {
  readonly #query: Query;
  readonly #onError: (error: Error) => void;
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** Undefined until the first look. */
  state: LedgerState | undefined;

  constructor(query: Query, onError: (error: Error) => void) {
    this.#query = query;
    this.#onError = onError;
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        this.state = withUnsignedSince(await look(this.#query), this.state, Date.now());
      } catch (error) {
        this.#onError(error as Error);
      }
      await pause(lookMs, this.#stopped.signal);
    }
  }
}

type Look = Omit<LedgerState, 'unsignedSinceMs'>;

/** Two looks a second apart, made one state. */
export function withUnsignedSince(look: Look, before: LedgerState | undefined, nowMs: number): LedgerState {
  if (look.size === look.checkpointSize) return { ...look, unsignedSinceMs: undefined };
  const isSameWait = before?.checkpointSize === look.checkpointSize;
  return { ...look, unsignedSinceMs: (isSameWait ? before?.unsignedSinceMs : undefined) ?? nowMs };
}

async function look(query: Query): Promise<Look> {
  const { rows } = await query.query<{ size: string; newest: Date | null; signed: string | null; at: Date | null }>({
    name: 'ledger-watch',
    text: `select h.size::text, (select occurred_at from entries where idx = h.size - 1) newest,
                  c.size::text signed, c.signed_at at
           from ledger_head h
           left join lateral (select size, signed_at from checkpoints order by number desc limit 1) c on true`,
  });
  const row = rows[0];
  return {
    size: Number(row?.size ?? 0),
    newestAtMs: row?.newest?.getTime(),
    checkpointSize: row?.signed ? Number(row.signed) : undefined,
    checkpointAtMs: row?.at?.getTime(),
  };
}
