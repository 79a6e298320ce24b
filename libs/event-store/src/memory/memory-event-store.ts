import { comparePositions, type Envelope, type Position, startPosition } from '@gatehouse/contracts';
import { type AppendOptions, type AppendResult, type EventStore, type NewEvent, RevisionConflict } from '../store.js';
import { writeEvent } from '../write-event.js';

/** For deciding and testing without a database. One append is one transaction; nothing outlives the process. */
export class MemoryEventStore implements EventStore {
  readonly #streams = new Map<string, Envelope[]>();
  readonly #commands = new Map<string, AppendResult>();
  readonly #log: { position: Position; envelope: Envelope; text: string }[] = [];
  #tx = 0n;
  #seq = 0n;

  async append(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    const { context, commandId, expectedRevision } = options;
    const before = commandId ? await this.readCommand(context.tenantId, commandId) : undefined;
    if (before) return before;
    const streamKey = `${context.tenantId}\n${streamId}`;
    const stream = this.#streams.get(streamKey) ?? [];
    if (stream.length !== expectedRevision) throw new RevisionConflict(streamId, expectedRevision);
    const written = events.map((event, i) => writeEvent(event, streamId, expectedRevision + i + 1, context));
    this.#tx++;
    const rows = written.map((w) => ({ ...w, position: { tx: this.#tx, seq: ++this.#seq } }));
    this.#log.push(...rows);
    this.#streams.set(streamKey, [...stream, ...written.map((w) => w.envelope)]);
    const result: AppendResult = {
      events: written.map((w) => w.envelope),
      revision: expectedRevision + written.length,
      position: rows.at(-1)?.position ?? startPosition,
      duplicate: false,
    };
    if (commandId) this.#commands.set(`${context.tenantId}\n${commandId}`, result);
    return result;
  }

  async read(tenantId: string, streamId: string) {
    const events = this.#streams.get(`${tenantId}\n${streamId}`) ?? [];
    return { events: [...events], revision: events.length };
  }

  async readCommand(tenantId: string, commandId: string): Promise<AppendResult | undefined> {
    const before = this.#commands.get(`${tenantId}\n${commandId}`);
    return before && { ...before, duplicate: true };
  }

  async readAfter(position: Position, limit: number) {
    return this.#log.filter((row) => comparePositions(row.position, position) > 0).slice(0, limit);
  }
}
