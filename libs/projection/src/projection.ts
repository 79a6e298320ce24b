import { type Envelope, type Position, startPosition } from '@gatehouse/contracts';
import { type InlineProjection, parseEnvelope, type StoredEvent } from '@gatehouse/event-store';
import type pg from 'pg';

export interface ProjectedEvent {
  readonly envelope: Envelope;
  readonly position: Position;
  /** The service whose log it comes from. */
  readonly source: string;
  /** Canonical JSON of the envelope, exactly as published. */
  readonly text: string;
}

/** A read model: tables that are a fold of events, and nothing else. */
export interface Projection {
  readonly name: string;
  /** Raise it when `apply` or the tables change: the rows are then rebuilt at the next start. */
  readonly version: number;
  /** Its tables, in an order in which they can be filled. */
  readonly tables: readonly string[];
  readonly types: readonly string[];
  /** True when the event store writes the rows in the transaction of the events (read-your-writes). */
  readonly inline?: boolean;
  /**
   * Applies events in order, with statements on unqualified table names only: a rebuild runs the same code against
   * shadow tables. Must give the same rows however the events are cut into calls.
   */
  readonly apply: (query: Pick<pg.ClientBase, 'query'>, events: readonly ProjectedEvent[]) => Promise<void>;
}

/** The same projection for the event store, which runs it in the transaction of the events (no position exists yet). */
export const asInline = (projection: Projection, service: string): InlineProjection => ({
  types: new Set(projection.types),
  apply: (query, envelope) =>
    projection.apply(query, [{ envelope, position: startPosition, source: service, text: '' }]),
});

export const toProjected = (source: string, event: StoredEvent): ProjectedEvent => ({
  envelope: parseEnvelope(event.text),
  position: event.position,
  source,
  text: event.text,
});
