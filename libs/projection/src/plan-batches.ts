import type { ReceivedBatch } from '@gatehouse/bus';
import { comparePositions, type Position } from '@gatehouse/contracts';
import { parseEnvelope } from '@gatehouse/event-store';
import type { ProjectedEvent } from './projection.js';

export interface Plan {
  /** For each message whether it can be acknowledged once the plan is carried out. */
  readonly done: readonly boolean[];
  /** What to apply, in order. */
  readonly events: readonly ProjectedEvent[];
  /** Where each source stands afterwards. */
  readonly positions: Map<string, Position>;
  readonly skipped: number;
  /** Sources of which something is missing, and the highest number of rewinds among the messages that wait for it. */
  readonly missing: ReadonlyMap<string, number>;
}

/**
 * Pure: which events of these messages are next, given where each source stands. Whatever the messages are, in whatever
 * order and however often, each event of a log is planned once and in its order, if each message begins where an earlier
 * one or the position ends. `superseded` tells up to which number of rewinds a source's messages will come again.
 *
 * @param concerns whether the consumer has anything to do with an event, by its text: the others are passed unread
 */
export function planBatches(
  batches: readonly ReceivedBatch[],
  before: ReadonlyMap<string, Position>,
  superseded: ReadonlyMap<string, number> = new Map(),
  concerns: (text: string) => boolean = () => true,
): Plan {
  const positions = new Map(before);
  const missing = new Map<string, number>();
  const events: ProjectedEvent[] = [];
  let skipped = 0;
  const done = batches.map((batch) => {
    const have = positions.get(batch.source);
    if (have === undefined) return false; // not a source this consumer was told of
    const fresh = batch.events.filter((event) => comparePositions(event.position, have) > 0);
    const read = comparePositions(batch.prev, have) > 0 ? undefined : readAll(batch.source, fresh, concerns);
    if (!read) {
      if (batch.rewinds <= (superseded.get(batch.source) ?? -1)) return true;
      missing.set(batch.source, Math.max(batch.rewinds, missing.get(batch.source) ?? 0));
      return false;
    }
    skipped += batch.events.length - fresh.length;
    events.push(...read);
    const last = fresh.at(-1)?.position;
    if (last) positions.set(batch.source, last);
    return true;
  });
  return { done, events, positions, skipped, missing };
}

/** Undefined for a batch that was damaged on its way: it is missing like one that never came. */
function readAll(
  source: string,
  events: ReceivedBatch['events'],
  concerns: (text: string) => boolean,
): readonly ProjectedEvent[] | undefined {
  try {
    return events
      .filter(({ text }) => concerns(text))
      .map((event) => ({ ...event, source, envelope: parseEnvelope(event.text) }));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
