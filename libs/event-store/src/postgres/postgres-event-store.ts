import type { Envelope } from '@gatehouse/contracts';
import type pg from 'pg';
import {
  type AppendOptions,
  type AppendResult,
  type EventStore,
  type NewEvent,
  RevisionConflict,
  type StoredStream,
  StoreUnavailable,
} from '../store.js';
import { writeEvents } from '../write-event.js';
import { asTenant, type Query } from './database.js';
import { insertAtRevision, parseEnvelope } from './rows.js';
import { notifyChannel } from './schema.js';
import { isTransient, sqlState, violates } from './transient.js';

/** Rows that a caller must be able to read back at once: written in the transaction of the events themselves. */
export interface InlineProjection {
  readonly types: ReadonlySet<string>;
  readonly apply: (query: Query, event: Envelope) => Promise<void>;
}

export interface PostgresEventStoreOptions {
  readonly service: string;
  /** Connections of the service's request role. */
  readonly pool: pg.Pool;
  readonly inline?: readonly InlineProjection[];
}

const maxTogether = 4;

/** Somebody else appended first: to the stream, or the same command. After that the transaction answers 25P02 only. */
const lostRace = (error: unknown): boolean =>
  error instanceof RevisionConflict ||
  violates(error, 'events_stream_revision') ||
  violates(error, 'events_command') ||
  sqlState(error) === '25P02';

type Work<T> = (client: pg.PoolClient) => Promise<T>;

export class PostgresEventStore implements EventStore {
  readonly #options: PostgresEventStoreOptions;
  readonly #inline: readonly InlineProjection[];
  readonly #channel: string;
  readonly #client: pg.PoolClient | undefined;

  constructor(options: PostgresEventStoreOptions, client?: pg.PoolClient) {
    this.#options = options;
    this.#inline = options.inline ?? [];
    this.#channel = notifyChannel(options.service);
    this.#client = client;
  }

  /**
   * The same store inside a transaction that the caller began and will commit, on a connection of the system role: a
   * consumer appends events and moves its position in one. After an error that transaction can only be rolled back.
   */
  within(client: pg.PoolClient): EventStore {
    return new PostgresEventStore(this.#options, client);
  }

  /**
   * Several streams of one tenant, and rows beside them, in one transaction: `work` appends to `log` and may use
   * `client`, whose row-level security shows that tenant only. Whatever it read is read again when another writer was
   * first, up to three more times, so it must not do anything that cannot be done twice.
   *
   * @example await store.together('acme', async (log, client) => { await handle(log, ...); await handle(log, ...); })
   * @throws RevisionConflict after the last try; StoreUnavailable when it is not known whether it was stored
   */
  async together<T>(tenantId: string, work: (log: EventStore, client: pg.PoolClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        // COMMIT POINT of `work`: its events and its rows, or nothing.
        return await asTenant(this.#options.pool, tenantId, (client) => work(this.within(client), client));
      } catch (error) {
        if (isTransient(error))
          throw new StoreUnavailable('PostgreSQL did not confirm the transaction', { cause: error });
        if (!lostRace(error) || attempt === maxTogether) throw error;
      }
    }
  }

  async append(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    const { expectedRevision, commandId, context } = options;
    const written = writeEvents(events, streamId, options);
    try {
      const position = await this.#transaction(context.tenantId, async (client) => {
        const at = await insertAtRevision(client, written, expectedRevision, commandId);
        if (!at) throw new RevisionConflict(streamId, expectedRevision);
        for (const { envelope } of written) await this.#applyInline(client, envelope);
        await client.query({ name: 'wake', text: 'select pg_notify($1, $2)', values: [this.#channel, ''] });
        return at;
      });
      const revision = expectedRevision + written.length;
      return { events: written.map((w) => w.envelope), revision, position, duplicate: false };
    } catch (error) {
      if (isTransient(error)) throw new StoreUnavailable('PostgreSQL did not confirm the append', { cause: error });
      const conflict = error instanceof RevisionConflict || violates(error, 'events_stream_revision');
      // Either index may report first, so a repeated command is looked for before anything is called a conflict.
      const before = commandId && (conflict || violates(error, 'events_command'));
      const repeated = before ? await this.readCommand(context.tenantId, commandId) : undefined;
      if (repeated) return repeated;
      throw conflict ? new RevisionConflict(streamId, expectedRevision) : error;
    }
  }

  async read(tenantId: string, streamId: string): Promise<StoredStream> {
    const texts = await this.#select(tenantId, {
      name: 'read-stream',
      text: 'select envelope from events where tenant_id = $1 and stream_id = $2 order by revision',
      values: [tenantId, streamId],
    });
    const events = texts.map((row) => parseEnvelope(row.envelope));
    return { events, revision: events.at(-1)?.revision ?? 0 };
  }

  async readCommand(tenantId: string, commandId: string): Promise<AppendResult | undefined> {
    const rows = await this.#select(tenantId, {
      name: 'read-command',
      text: `select e.envelope, e.tx::text, e.seq::text from events c join events e
               on e.tx = c.tx and e.tenant_id = c.tenant_id and e.stream_id = c.stream_id
             where c.tenant_id = $1 and c.command_id = $2 order by e.seq`,
      values: [tenantId, commandId],
    });
    const last = rows.at(-1);
    if (!last) return undefined;
    const events = rows.map((row) => parseEnvelope(row.envelope));
    return {
      events,
      revision: events.at(-1)?.revision ?? 0,
      position: { tx: BigInt(last.tx), seq: BigInt(last.seq) },
      duplicate: true,
    };
  }

  #transaction<T>(tenantId: string, work: Work<T>): Promise<T> {
    return this.#client ? work(this.#client) : asTenant(this.#options.pool, tenantId, work);
  }

  async #applyInline(query: Query, event: Envelope): Promise<void> {
    for (const projection of this.#inline) if (projection.types.has(event.type)) await projection.apply(query, event);
  }

  async #select(tenantId: string, config: pg.QueryConfig) {
    type Row = { envelope: string; tx: string; seq: string };
    try {
      return await this.#transaction(tenantId, async (client) => (await client.query<Row>(config)).rows);
    } catch (error) {
      throw isTransient(error) ? new StoreUnavailable('PostgreSQL did not answer', { cause: error }) : error;
    }
  }
}
