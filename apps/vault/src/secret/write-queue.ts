import {
  Announcer,
  isTransient,
  RevisionConflict,
  StoreOverloaded,
  StoreUnavailable,
  sqlState,
  writeEvent,
} from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import type pg from 'pg';
import type { Proven, ProvenStates } from './proven-states.js';
import { type Secret, type SecretSettings, secretDecider, sha256, stateText, unset } from './secret.js';
import type { Committed, SecretChange, SecretCommand } from './secret-log.js';
import { defaultsOf, type LoadedRow, type StoredSecret } from './stored-secret.js';
import { WriteBatch } from './write-batch.js';

interface Waiting {
  readonly command: SecretCommand;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

const limits = { batch: 64, waiting: 2_048, attempts: 4 } as const;

/**
 * Commands of one tenant that come together share a transaction: each is decided on its own, and each is answered when the
 * commit is confirmed. While one batch is being written the next one gathers; a tenant that fills the queue is refused alone.
 * A secret is written by one batch at a time, so only other replicas can be first.
 */
export class WriteQueue {
  readonly #pool: pg.Pool;
  readonly #announcer: Announcer;
  readonly #states: ProvenStates;
  readonly #tenants = new Map<string, Waiting[]>();
  readonly #waiting = new SharedBound(limits.waiting);

  constructor(pool: pg.Pool, states: ProvenStates) {
    this.#pool = pool;
    this.#states = states;
    this.#announcer = new Announcer(pool, 'vault');
  }

  run(command: SecretCommand): Promise<Committed> {
    const { tenantId } = command.context;
    if (!this.#waiting.enter({ group: tenantId, count: 1 }))
      return Promise.reject(new StoreOverloaded(this.#waiting.size));
    return new Promise((resolve, reject) => {
      const waiting = { command, resolve, reject };
      const queue = this.#tenants.get(tenantId);
      if (queue) return void queue.push(waiting);
      this.#tenants.set(tenantId, [waiting]);
      // One turn of the event loop is the only delay: every request parsed in it joins the batch.
      setImmediate(() => void this.#drain(tenantId));
    });
  }

  async #drain(tenantId: string): Promise<void> {
    const queue = this.#tenants.get(tenantId) ?? [];
    while (queue.length > 0) {
      const batch = queue.splice(0, limits.batch);
      await this.#write(tenantId, batch);
      this.#waiting.leave({ group: tenantId, count: batch.length });
    }
    this.#tenants.delete(tenantId);
  }

  async #write(tenantId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      for (const answer of await this.#attempt(tenantId, batch)) answer();
    } catch (error) {
      // One command that PostgreSQL refuses must not take its neighbours with it.
      if (batch.length > 1 && !isTransient(error)) for (const one of batch) await this.#write(tenantId, [one]);
      else for (const { reject } of batch) reject(asUnavailable(error));
    }
  }

  async #attempt(tenantId: string, batch: readonly Waiting[]): Promise<(() => void)[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(tenantId, batch);
      } catch (error) {
        if (!lostRace(error) || attempt === limits.attempts) throw lostRace(error) ? asConflict(batch) : error;
      }
    }
  }

  async #once(tenantId: string, batch: readonly Waiting[]): Promise<(() => void)[]> {
    const streams = [...new Set(batch.map(({ command }) => command.streamId))];
    const { rows } = await this.#pool.query<LoadedRow>({
      name: 'load-secrets',
      text: 'select * from load_secrets($1, $2)',
      values: [tenantId, streams],
    });
    const stored = new Map<string, LoadedRow | StoredSecret>(rows.map((row) => [row.stream_id, row]));
    const defaults = rows[0] ? defaultsOf(rows[0]) : unset;
    const writes = new WriteBatch(tenantId);
    const answers: (() => void)[] = [];
    for (const waiting of batch) {
      const { streamId, path } = waiting.command;
      try {
        const found = stored.get(streamId) as LoadedRow | StoredSecret;
        const before = 'secret' in found ? found : this.#states.verified(found, path);
        const after = await applied(waiting.command, before, defaults, writes);
        stored.set(streamId, after);
        answers.push(() => {
          if (after.proven) this.#states.learn(streamId, after.proven);
          else this.#states.forget(streamId);
          waiting.resolve(after);
        });
      } catch (error) {
        // Refused by itself: nothing of it is in the batch, and the others go on.
        waiting.reject(error);
      }
    }
    // COMMIT POINT of every command of the batch: events and rows, or nothing. If the answer is lost, it may be stored.
    if (!writes.isEmpty) {
      await this.#pool.query(writes.statement());
      // Nobody in the vault folds these events, and the ledger may have them together with the next ones.
      this.#announcer.announce();
    }
    return answers;
  }
}

/** Decides one command and adds what it makes to the batch. */
async function applied(
  command: SecretCommand,
  before: StoredSecret,
  defaults: SecretSettings,
  writes: WriteBatch,
): Promise<Committed & { readonly proven?: Proven }> {
  const { streamId, expectedRevision, context, commandId, path } = command;
  if (expectedRevision !== undefined && expectedRevision !== before.revision)
    throw new RevisionConflict(streamId, expectedRevision);
  const change = await command.decide(before.secret, { defaults, customMetadata: before.customMetadata });
  const { secret, state, written } = folded(change, before, command);
  const customMetadata = secret.status === 'absent' ? null : metadataAfter(change, before);
  const revision = before.revision + written.length;
  writes.add({
    streamId,
    path,
    commandId,
    occurredAt: context.now,
    before: before.secret,
    secret,
    state,
    written,
    change,
    customMetadata,
  });
  const last = written.at(-1)?.text;
  const proven = last !== undefined && secret.status === 'present' && { envelope: last, state, secret };
  const events = written.map(({ envelope }) => envelope);
  return { secret, revision, events, customMetadata, ...(proven && { proven }) };
}

const metadataAfter = ({ customMetadata }: SecretChange, before: StoredSecret): string | null =>
  customMetadata === undefined ? before.customMetadata : customMetadata;

/** Each event holds the digest of the state after it, so the state is folded before the envelope is written. */
function folded({ events }: SecretChange, before: StoredSecret, { streamId, context }: SecretCommand) {
  let secret: Secret = before.secret;
  let state = '';
  const { actor } = context;
  const occurredAt = new Date(context.now).toISOString();
  const written = events.map((event, i) => {
    const data = event.data as Record<string, unknown>;
    secret = secretDecider.evolve(secret, { type: event.type, data, occurredAt, actor });
    state = stateText(secret);
    const vouched = { ...event, data: { ...data, state: sha256(state) } };
    return writeEvent(vouched, streamId, before.revision + i + 1, context);
  });
  return { secret, state, written };
}

/**
 * Another replica appended to one of the streams since they were read; or the tenant's key was retired since the value was
 * sealed (40001).
 */
const lostRace = (error: unknown): boolean =>
  sqlState(error) === '40001' ||
  (sqlState(error) === '23505' && (error as pg.DatabaseError).constraint === 'events_stream_revision');

const asConflict = ([first]: readonly Waiting[]): Error =>
  new RevisionConflict(first?.command.streamId ?? '', first?.command.expectedRevision ?? 0);

const asUnavailable = (error: unknown): unknown =>
  isTransient(error) && !(error instanceof StoreUnavailable)
    ? new StoreUnavailable('PostgreSQL did not confirm the transaction', { cause: error })
    : error;
