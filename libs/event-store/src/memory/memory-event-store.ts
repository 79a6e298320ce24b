import { comparePositions, type Envelope, type Position, startPosition } from '@gatehouse/contracts';
import { type AppendOptions, type AppendResult, type EventStore, type NewEvent, RevisionConflict } from '../store.js';
import { writeEvents } from '../write-event.js';

/** For deciding and testing without a database. One append is one transaction; nothing outlives the process. */
export class MemoryEventStore implements EventStore {
  readonly #streams = new Map<string, Envelope[]>();
  readonly #commands = new Map<string, AppendResult>();
  readonly #log: { position: Position; envelope: Envelope; text: string }[] = [];
  #tx = 0n;
  #seq = 0n;

  async append(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    const { context, commandId, expectedRevision } = options;
    const written = writeEvents(events, streamId, options);
    // Nothing is awaited from here on: two racing copies of a command must not both find it new.
    const before = commandId ? this.#commands.get(`${context.tenantId}\n${commandId}`) : undefined;
    if (before) return { ...structuredClone(before), duplicate: true };
    const streamKey = `${context.tenantId}\n${streamId}`;
    const stream = this.#streams.get(streamKey) ?? [];
    if (stream.length !== expectedRevision) throw new RevisionConflict(streamId, expectedRevision);
    this.#tx++;
    const rows = written.map((w) => ({ ...w, position: { tx: this.#tx, seq: ++this.#seq } }));
    this.#log.push(...rows);
    // What is stored is the text: readers get copies of it, as from a database, not the caller's own objects.
    const envelopes = written.map((w) => JSON.parse(w.text) as Envelope);
    this.#streams.set(streamKey, [...stream, ...envelopes]);
    const result: AppendResult = {
      events: envelopes,
      revision: expectedRevision + written.length,
      position: rows.at(-1)?.position ?? startPosition,
      duplicate: false,
    };
    if (commandId) this.#commands.set(`${context.tenantId}\n${commandId}`, result);
    return structuredClone(result);
  }

  async read(tenantId: string, streamId: string) {
    const events = this.#streams.get(`${tenantId}\n${streamId}`) ?? [];
    return { events: structuredClone(events), revision: events.length };
  }

  async readCommand(tenantId: string, commandId: string): Promise<AppendResult | undefined> {
    const before = this.#commands.get(`${tenantId}\n${commandId}`);
    return before && { ...structuredClone(before), duplicate: true };
  }

  async readAfter(position: Position, limit: number) {
    return this.#log.filter((row) => comparePositions(row.position, position) > 0).slice(0, limit);
  }
}
