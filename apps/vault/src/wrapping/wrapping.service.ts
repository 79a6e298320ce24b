import { randomUUID } from 'node:crypto';
import { NotAuthenticated } from '@gatehouse/authn';
import { CryptoError, type Pepper, type SealedValue } from '@gatehouse/crypto';
import { type CommandContext, handle, type PostgresEventStore, type Query } from '@gatehouse/event-store';
import { defineProblems, type HttpRequest, ProblemError } from '@gatehouse/http';
import type { ObservationReporter } from '@gatehouse/service';
import { contextOf } from '../asker.js';
import type { Envelope, WrapAnswer, WrapInfo } from '../dialect/answer.js';
import type { Keyring } from '../key/keyring.js';
import { recordablePath } from '../secret/recordable-path.js';
import { hashOf, isOurs, newToken } from '../token/token-text.js';
import { wrappedPlace } from './wrapped-place.js';

defineProblems({
  wrapping_token_invalid: { status: 400, title: 'wrapping token is not valid or does not exist' },
  wrapping_needs_caller: { status: 400, title: 'Only what a known caller is answered can be wrapped' },
  too_many_wrapped: { status: 429, title: 'The tenant has as many wrapped answers as it can have' },
});

/** A week. */
const maxTtlSeconds = 604_800;
const maxPerTenant = 10_000;
/** Failed unwraps of one answer that are told one by one. */
const maxFailuresTold = 10;

type Observer = Pick<ObservationReporter, 'refused' | 'unwrapFailed'>;

export interface WrappingOptions {
  readonly store: PostgresEventStore;
  /** Connections of the system role: only the token tells the tenant. */
  readonly system: Query;
  readonly keyring: Keyring;
  readonly pepper: Pepper;
  readonly observations: Observer;
}

interface Row {
  readonly tenantId: string;
  readonly wrappedId: string;
  readonly creationPath: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly ttlSeconds: number;
  readonly status: 'sealed' | 'opened' | 'replaced';
}

interface SealedRow extends Row {
  readonly ciphertext: Buffer | null;
  readonly wrappedKey: Buffer;
  readonly keyVersion: number;
}

type Failure = 'opened' | 'replaced' | 'expired' | 'unreadable';
type Log = Parameters<typeof handle>[0];
type Client = Pick<Query, 'query'>;

const columns = `tenant_id as "tenantId", wrapped_id as "wrappedId", creation_path as "creationPath",
  created_at as "createdAt", expires_at as "expiresAt", ttl_seconds as "ttlSeconds", status`;

const anyState = { initialState: null, evolve: () => null };
const append = (log: Log, context: CommandContext, wrappedId: string, type: string, data: object) =>
  handle(log, anyState, { streamId: `wrapped:${wrappedId}`, context, decide: () => [{ type, version: 1, data }] });

/** Who acts where only a token was shown: it proves who holds it, not who that is. */
const holderOf = ({ tenantId, wrappedId }: Row) => ({ type: 'wrapped', id: wrappedId, tenantId });

/**
 * Answers kept aside, sealed, for one reading. Whoever was to read one and finds it read knows that somebody else did: that
 * is what wrapping is for, so it is an event, and told to identity, which raises an alert.
 */
export class Wrapping {
  readonly #options: WrappingOptions;

  constructor(options: WrappingOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `wrapping_needs_caller`, `too_many_wrapped`, `sealed` */
  readonly wrap: WrapAnswer = async (envelope, { ttlSeconds, caller, request, path }) => {
    if (!caller) throw new ProblemError('wrapping_needs_caller');
    const now = Date.now();
    const context = contextOf({ caller, request }, now);
    const ttl = Math.min(ttlSeconds, maxTtlSeconds);
    const made = await this.#options.store.together(caller.tenantId, (log, client) =>
      this.#keep(log, client, { payload: JSON.stringify(envelope), path, ttl, context }),
    );
    const accessor = (envelope.auth as { accessor?: string } | null)?.accessor;
    return { ...made, ...(accessor !== undefined && { wrapped_accessor: accessor }) };
  };

  /** The envelope that a token opens, this once. @throws ProblemError `wrapping_token_invalid`, `sealed` */
  async unwrap(token: string, request: HttpRequest): Promise<Envelope> {
    const now = Date.now();
    const found = await this.#find(token, request, now);
    const { wrappedId } = found;
    const context = contextOf({ caller: holderOf(found), request }, now);
    // COMMIT POINT: read for ever, whether or not the answer reaches its reader.
    const opened = await this.#attempt(found, request, now, async (log, client) => {
      const text = await this.#take(client, found, 'opened', now);
      if (text !== undefined) await append(log, context, wrappedId, 'wrapping.opened', { wrappedId });
      return text;
    });
    return JSON.parse(opened) as Envelope;
  }

  /** The same answer under another token, as long again; the first token opens nothing more. */
  async rewrap(token: string, request: HttpRequest): Promise<WrapInfo> {
    const now = Date.now();
    const found = await this.#find(token, request, now);
    const { wrappedId, creationPath: path, ttlSeconds: ttl } = found;
    const context = contextOf({ caller: holderOf(found), request }, now);
    return this.#attempt(found, request, now, async (log, client) => {
      const payload = await this.#take(client, found, 'replaced', now);
      if (payload === undefined) return undefined;
      const made = await this.#keep(log, client, { payload, path, ttl, context, insteadOf: wrappedId });
      await append(log, context, wrappedId, 'wrapping.replaced', { wrappedId, by: made.accessor });
      return made;
    });
  }

  /** What is told of an answer without reading it. */
  async lookup(token: string, request: HttpRequest) {
    const { createdAt, creationPath, ttlSeconds } = await this.#find(token, request, Date.now());
    return { creation_path: creationPath, creation_time: createdAt.toISOString(), creation_ttl: ttlSeconds };
  }

  /** The answer of a token, while it can be read. */
  async #find(token: string, request: HttpRequest, now: number): Promise<Row> {
    const { pepper, system, observations } = this.#options;
    const ours = isOurs(pepper, 'gvw_', token);
    const { rows } = ours
      ? await system.query<Row>(`select ${columns} from wrapped_answers where fingerprint = $1`, [
          hashOf(pepper, token),
        ])
      : { rows: [] };
    const [row] = rows;
    if (!row) {
      observations.refused(new NotAuthenticated('unknown'), request.ip, now);
      throw new ProblemError('wrapping_token_invalid');
    }
    const failure = failureOf(row, now);
    if (failure) throw await this.#failed(row, failure, request, now);
    return row;
  }

  /** Runs `work` in one transaction; undefined means that somebody else was first. */
  async #attempt<T>(
    row: Row,
    request: HttpRequest,
    now: number,
    work: (log: Log, client: Client) => Promise<T | undefined>,
  ) {
    try {
      const done = await this.#options.store.together(row.tenantId, work);
      if (done !== undefined) return done;
    } catch (error) {
      if (error instanceof CryptoError) throw await this.#failed(row, 'unreadable', request, now);
      throw error;
    }
    throw await this.#failed(row, 'opened', request, now);
  }

  /** Locks the row, opens it, and marks it: of two who come at once the second waits here and finds it marked. */
  async #take(
    client: Client,
    { tenantId, wrappedId }: Row,
    status: 'opened' | 'replaced',
    now: number,
  ): Promise<string | undefined> {
    const { rows } = await client.query<SealedRow>(
      `select ${columns}, ciphertext, wrapped_key as "wrappedKey", key_version as "keyVersion" from wrapped_answers
       where tenant_id = $1 and wrapped_id = $2 for update`,
      [tenantId, wrappedId],
    );
    const [row] = rows;
    if (!row?.ciphertext || failureOf(row, now)) return undefined;
    const { ciphertext, wrappedKey, keyVersion } = row;
    const sealed: SealedValue = { algorithm: 'A256GCM', ciphertext, wrappedKey, keyVersion };
    const text = (await this.#options.keyring.open(wrappedPlace(tenantId, wrappedId), sealed)).toString('utf8');
    await client.query(
      `update wrapped_answers set status = $3, ciphertext = null, wrapped_key = null, key_version = null
       where tenant_id = $1 and wrapped_id = $2`,
      [tenantId, wrappedId, status],
    );
    return text;
  }

  async #keep(log: Log, client: Client, what: Kept): Promise<WrapInfo> {
    const { keyring, pepper } = this.#options;
    const { payload, path, ttl, context, insteadOf } = what;
    const { tenantId, now } = context;
    await assertRoom(client, tenantId, now);
    const [token, wrappedId] = [newToken(pepper, 'gvw_'), randomUUID()];
    const sealed = await keyring.seal(wrappedPlace(tenantId, wrappedId), Buffer.from(payload, 'utf8'));
    const expiresAt = new Date(now + ttl * 1_000);
    await client.query(
      `insert into wrapped_answers (tenant_id, wrapped_id, fingerprint, creation_path, created_at, expires_at, ttl_seconds,
         status, ciphertext, wrapped_key, key_version) values ($1, $2, $3, $4, $5, $6, $7, 'sealed', $8, $9, $10)`,
      [
        ...[tenantId, wrappedId, hashOf(pepper, token), path, new Date(now), expiresAt, ttl],
        ...[sealed.ciphertext, sealed.wrappedKey, sealed.keyVersion],
      ],
    );
    const creationPath = this.#recorded(path);
    const before = insteadOf !== undefined && { insteadOf };
    const data = { wrappedId, creationPath, expiresAt: expiresAt.toISOString(), ...before };
    await append(log, context, wrappedId, 'wrapping.created', data);
    return { token, accessor: wrappedId, ttl, creation_time: new Date(now).toISOString(), creation_path: path };
  }

  #recorded(path: string): string {
    return recordablePath(this.#options.pepper, path).slice(0, 1_024);
  }

  /** Recorded and told; the answer is the same whatever the reason. */
  async #failed(row: Row, reason: Failure, request: HttpRequest, now: number): Promise<ProblemError> {
    const { store, observations } = this.#options;
    const { tenantId, wrappedId } = row;
    observations.unwrapFailed({ tenantId, id: wrappedId }, request.ip, now);
    await store.together(tenantId, async (log, client) => {
      const { rows } = await client.query<{ failures: number }>(
        'update wrapped_answers set failures = failures + 1 where tenant_id = $1 and wrapped_id = $2 returning failures',
        [tenantId, wrappedId],
      );
      if ((rows[0]?.failures ?? 0) > maxFailuresTold) return;
      const context = contextOf({ caller: holderOf(row), request }, now);
      const data = { wrappedId, reason, creationPath: this.#recorded(row.creationPath) };
      await append(log, context, wrappedId, 'wrapping.unwrap_failed', data);
    });
    return new ProblemError('wrapping_token_invalid', undefined, { cause: new Error(`${wrappedId}: ${reason}`) });
  }
}

interface Kept {
  readonly payload: string;
  readonly path: string;
  readonly ttl: number;
  readonly context: CommandContext;
  readonly insteadOf?: string;
}

function failureOf({ status, expiresAt }: Row, now: number): Failure | undefined {
  if (status !== 'sealed') return status;
  return expiresAt.getTime() <= now ? 'expired' : undefined;
}

async function assertRoom(client: Client, tenantId: string, now: number): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from (select from wrapped_answers
       where tenant_id = $1 and status = 'sealed' and expires_at > $2 limit $3) as counted`,
    [tenantId, new Date(now), maxPerTenant],
  );
  if ((rows[0]?.count ?? 0) >= maxPerTenant)
    throw new ProblemError('too_many_wrapped', undefined, { retryAfterSeconds: 10 });
}
