import type { Actor, Envelope, Position, SealedField } from '@gatehouse/contracts';

/** What a decide function returns: the part of an event that the domain knows. */
export interface NewEvent {
  /** UUIDv7, for an event whose id is told to the caller; made here otherwise. */
  readonly id?: string;
  readonly type: string;
  readonly version: number;
  readonly data: object;
  readonly sealed?: Readonly<Record<string, SealedField>>;
}

/** Who asks, when, and in which trace: the part of an event that the edge knows. `now` is Unix time in milliseconds. */
export interface CommandContext {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly now: number;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly source?: { readonly ip?: string; readonly userAgent?: string };
}

export interface AppendOptions {
  /** The revision the decision was made on; 0 for a stream that must not exist yet. */
  readonly expectedRevision: number;
  /** Unique within the tenant. The same id again appends nothing and answers what the first call stored. */
  readonly commandId?: string;
  readonly context: CommandContext;
}

export interface AppendResult {
  readonly events: readonly Envelope[];
  readonly revision: number;
  /** The last event's place in the log: hand it to a reader that must see this write. */
  readonly position: Position;
  /** True when `commandId` was stored before and this call wrote nothing. */
  readonly duplicate: boolean;
}

export interface StoredStream {
  readonly events: readonly Envelope[];
  /** 0 when the stream does not exist. */
  readonly revision: number;
}

/**
 * The log of one service. Every implementation passes the suite in `event-store.contract.ts`.
 * Throws {@link RevisionConflict} when the stream moved on, {@link StoreUnavailable} when the outcome is unknown.
 */
export interface EventStore {
  append(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult>;
  read(tenantId: string, streamId: string): Promise<StoredStream>;
  /** What a command stored, if it was stored: the answer to a repeated call. */
  readCommand(tenantId: string, commandId: string): Promise<AppendResult | undefined>;
}

export class RevisionConflict extends Error {
  constructor(
    readonly streamId: string,
    readonly expectedRevision: number,
  ) {
    super(`stream ${streamId} is not at revision ${expectedRevision}`);
    this.name = 'RevisionConflict';
  }
}

/** The store did not answer: the events may or may not be stored. Retry with the same command id. */
export class StoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailable';
  }
}

/** The bounded queue of the group commit is full: nothing was stored. */
export class StoreOverloaded extends StoreUnavailable {
  constructor(readonly queued: number) {
    super(`event queue is full (${queued} waiting)`);
    this.name = 'StoreOverloaded';
  }
}

export class EventTooLarge extends Error {
  constructor(
    readonly type: string,
    readonly bytes: number,
  ) {
    super(`event ${type} has ${bytes} bytes, more than a ledger entry may have`);
    this.name = 'EventTooLarge';
  }
}
