import { comparePositions, formatPosition, type Position, parsePosition } from '@gatehouse/contracts';
import { eventSubject } from './topology.js';

export interface BatchEvent {
  readonly position: Position;
  readonly tenantId: string;
  readonly streamId: string;
  /** Canonical JSON of the envelope. */
  readonly text: string;
}

/** Consecutive events of one source's log, in its order. `prev` is the position of the event before the first one. */
export interface EventBatch {
  readonly source: string;
  readonly prev: Position;
  readonly events: readonly BatchEvent[];
  /** How often the log was rewound: 0 when left out. */
  readonly rewinds?: number;
}

export interface ReceivedEvent {
  readonly position: Position;
  readonly text: string;
}

export interface ReceivedBatch {
  readonly source: string;
  readonly prev: Position;
  readonly events: readonly ReceivedEvent[];
  /** How often the log had been rewound when this was published. */
  readonly rewinds: number;
}

export class MalformedBatch extends Error {
  constructor(reason: string) {
    super(`malformed event message: ${reason}`);
    this.name = 'MalformedBatch';
  }
}

const maxEventsInBatch = 10_000;

/** One line an event: `<tx>.<seq>` TAB envelope. Canonical JSON holds no raw line break. */
export const encodeBatch = (batch: EventBatch): string =>
  batch.events.map((event) => `${formatPosition(event.position)}\t${event.text}`).join('\n');

/** Reverse of {@link encodeBatch}. Throws {@link MalformedBatch}. */
export function decodeBatch(
  source: string | undefined,
  prev: string | undefined,
  text: string,
  rewinds = 0,
): ReceivedBatch {
  if (!source || !/^[a-z][a-z_]{1,30}$/.test(source)) throw new MalformedBatch('no source');
  const lines = text.split('\n', maxEventsInBatch + 1);
  if (lines.length > maxEventsInBatch) throw new MalformedBatch(`more than ${maxEventsInBatch} events`);
  const before = readPosition(prev ?? '');
  let last = before;
  const events = lines.map((line) => {
    const tab = line.indexOf('\t');
    if (tab < 0 || line[tab + 1] !== '{') throw new MalformedBatch('a line is not position, tab, object');
    const position = readPosition(line.slice(0, tab));
    if (comparePositions(position, last) <= 0) throw new MalformedBatch('positions do not rise');
    last = position;
    return { position, text: line.slice(tab + 1) };
  });
  return { source, prev: before, events, rewinds };
}

/** The largest xid8 and bigint: beyond them a position could not be stored, and would fail with all it came with. */
const largest: Position = { tx: 18_446_744_073_709_551_615n, seq: 9_223_372_036_854_775_807n };

function readPosition(text: string): Position {
  let position: Position;
  try {
    position = parsePosition(text);
  } catch (error) {
    throw new MalformedBatch((error as Error).message);
  }
  if (position.tx > largest.tx || position.seq > largest.seq) throw new MalformedBatch('no such position');
  return position;
}

/** Tokens that all events of the batch share stand in the subject; `_` stands for the others. */
export function batchSubject(batch: EventBatch): string {
  const shared = (pick: (event: BatchEvent) => string): string => {
    const first = batch.events[0];
    const token = first ? pick(first) : '_';
    return batch.events.every((event) => pick(event) === token) ? token : '_';
  };
  const part = (index: 0 | 1) => (event: BatchEvent) => event.streamId.split(':', 2)[index] ?? '_';
  return eventSubject(
    batch.source,
    shared((event) => event.tenantId),
    shared(part(0)),
    shared(part(1)),
  );
}

/**
 * Names the first and the last event: a retry after a crash may carry more events than the message that was stored,
 * and must not be taken for it. After a rewind the same events have another id: they are wanted once more.
 */
export function batchMessageId(batch: EventBatch): string {
  const [first, last] = [batch.events[0], batch.events.at(-1)];
  if (!first || !last) throw new RangeError('an empty batch has no id');
  const again = batch.rewinds ? `~${batch.rewinds}` : '';
  return `${batch.source}:${formatPosition(first.position)}-${formatPosition(last.position)}${again}`;
}
