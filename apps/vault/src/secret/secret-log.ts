import type { Envelope } from '@gatehouse/contracts';
import type { SealedValue } from '@gatehouse/crypto';
import { type CommandContext, isTransient, type NewEvent, StoreUnavailable } from '@gatehouse/event-store';
import type pg from 'pg';
import { ProvenStates } from './proven-states.js';
import { ReadQueue } from './read-queue.js';
import type { PresentSecret, Secret, SecretSettings } from './secret.js';
import type { StoredRow, StoredSecret } from './stored-secret.js';
import { WriteQueue } from './write-queue.js';

/** A row of one version, beside those of its secret. */
export interface ReadRow extends StoredRow {
  readonly version: number | null;
  readonly secret_id: string | null;
  readonly ciphertext: Buffer | null;
  readonly wrapped_key: Buffer | null;
  readonly key_version: number | null;
}

export interface SealedVersion {
  readonly secretId: string;
  readonly version: number;
  readonly value: SealedValue;
  /** Keyed hashes by which its texts are found again. */
  readonly fingerprints: readonly Buffer[];
}

/** What a command makes of a secret. */
export interface SecretChange {
  readonly events: readonly NewEvent[];
  readonly sealed?: SealedVersion;
  /** JSON, or null for none; absent: as it is. */
  readonly customMetadata?: string | null | undefined;
}

/** What a decision may need beside the state. */
export interface Beside {
  readonly defaults: SecretSettings;
  /** JSON. */
  readonly customMetadata: string | null;
}

export interface SecretCommand {
  readonly path: string;
  readonly streamId: string;
  readonly context: CommandContext;
  readonly commandId?: string | undefined;
  /** Revision of the stream that the caller saw (`If-Match`). */
  readonly expectedRevision?: number | undefined;
  /** May be asked again, of a later state, when another replica was first. */
  readonly decide: (secret: Secret, beside: Beside) => SecretChange | Promise<SecretChange>;
}

export interface Committed {
  readonly secret: Secret;
  readonly revision: number;
  readonly events: readonly Envelope[];
  readonly customMetadata: string | null;
}

/** Secrets as rows and events, in one round trip each way. */
export class SecretLog {
  readonly #pool: pg.Pool;
  readonly #reads: ReadQueue;
  readonly #queue: WriteQueue;
  readonly #states = new ProvenStates();

  /** @param pool connections of the request role: every statement sees one tenant only */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#reads = new ReadQueue(pool);
    this.#queue = new WriteQueue(pool, this.#states);
  }

  /** @throws StoreUnavailable */
  read(tenantId: string, streamId: string, version: number): Promise<ReadRow> {
    return this.#reads.read(tenantId, streamId, version);
  }

  /** The state of one secret. @throws StoreUnavailable, IntegrityViolation */
  async load(tenantId: string, streamId: string, path: string): Promise<StoredSecret> {
    return this.verified(await this.read(tenantId, streamId, 0), path);
  }

  /** What a row proves to be. @throws IntegrityViolation */
  verified(row: StoredRow, path: string): StoredSecret {
    return this.#states.verified(row, path);
  }

  /** A secret as this process saw it last, which may be behind; undefined also for one that it does not remember. */
  lastSeen(streamId: string): PresentSecret | undefined {
    return this.#states.lastSeen(streamId);
  }

  /** Names below a prefix, which is empty or ends with a slash. */
  async list(
    tenantId: string,
    prefix: string,
    after: string,
    deep: boolean,
    limit: number,
  ): Promise<readonly string[]> {
    const rows = await answered(() =>
      this.#pool.query<{ key: string }>({
        name: 'list-secrets',
        text: 'select * from list_secrets($1, $2, $3, $4, $5) as key',
        values: [tenantId, prefix, after, deep, limit],
      }),
    );
    return rows.map(({ key }) => key);
  }

  /** Paths of secrets with this scope and, in lower case, this name. */
  async withReference(tenantId: string, scope: string, name: string): Promise<readonly string[]> {
    const rows = await answered(() =>
      this.#pool.query<{ path: string }>({
        name: 'find-reference',
        text: 'select * from find_reference($1, $2, $3) as path',
        values: [tenantId, scope, name],
      }),
    );
    return rows.map(({ path }) => path);
  }

  /**
   * Answers after the commit.
   *
   * @throws RevisionConflict for another revision than the expected one; StoreOverloaded, StoreUnavailable;
   * IntegrityViolation; what `decide` throws
   */
  commit(command: SecretCommand): Promise<Committed> {
    return this.#queue.run(command);
  }
}

async function answered<R extends pg.QueryResultRow>(query: () => Promise<pg.QueryResult<R>>): Promise<readonly R[]> {
  try {
    return (await query()).rows;
  } catch (error) {
    throw isTransient(error) ? new StoreUnavailable('PostgreSQL did not answer', { cause: error }) : error;
  }
}
