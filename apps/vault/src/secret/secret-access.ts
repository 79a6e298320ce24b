import type { Pepper } from '@gatehouse/crypto';
import { type AppendResult, type CommandContext, type PostgresEventStore, sqlState } from '@gatehouse/event-store';
import { type Authorize, ProblemError } from '@gatehouse/http';
import { commandIdOf, expectedRevisionOf } from '@gatehouse/service';
import type pg from 'pg';
import { type Asker, contextOf } from '../asker.js';
import type { Keyring } from '../key/keyring.js';
import { type Address, Addresses } from './addresses.js';
import type { SecretData } from './content.js';
import type { IntegrityReports } from './integrity-reports.js';
import { toProblem } from './problems.js';
import { type PresentSecret, type Secret, secretDecider } from './secret.js';
import type { Committed, ReadRow, SecretCommand, SecretLog } from './secret-log.js';
import { IntegrityViolation } from './stored-secret.js';
import { type CustomMetadata, parseCustomMetadata, type SecretContext } from './views.js';

export interface SecretParts {
  readonly log: SecretLog;
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  readonly pepper: Pepper;
  readonly authorize: Authorize;
  readonly reports: IntegrityReports;
  /** Keyed hashes by which a value is found again; stored in the transaction of the version. */
  readonly fingerprints: (tenantId: string, data: SecretData) => Promise<readonly Buffer[]>;
}

export interface Allowed {
  readonly decisionId?: string;
}

export interface CommitOptions<T> {
  readonly decide: SecretCommand['decide'];
  readonly done: (committed: Committed) => T | Promise<T>;
  readonly repeated: (before: AppendResult) => T | Promise<T>;
}

/** The way in and out that every operation on secrets shares: the decision, the rows, and what is told when they are not right. */
export class SecretAccess {
  readonly #addresses: Addresses;

  constructor(readonly parts: SecretParts) {
    this.#addresses = new Addresses(parts.pepper);
  }

  /** @throws ProblemError `validation_failed` */
  address(tenantId: string, path: string): Address {
    return this.#addresses.of(tenantId, path);
  }

  /** @throws ProblemError `forbidden`, `unavailable` */
  async admit(
    { caller, request }: Asker,
    action: string,
    resource: string,
    noted?: Readonly<Record<string, string | number>>,
  ): Promise<Allowed> {
    const decision = await this.parts.authorize(caller, action, resource, request, noted);
    // Only a plain `allowed: true` lets anybody in.
    if (decision?.allowed === true) return decision.decisionId === undefined ? {} : { decisionId: decision.decisionId };
    const reason = decision?.reason ?? 'no reason';
    throw new ProblemError('forbidden', undefined, { cause: new Error(`refused: ${reason}`) });
  }

  context(asker: Asker, { decisionId }: Allowed, now: number): CommandContext {
    return { ...contextOf(asker, now), ...(decisionId !== undefined && { causationId: decisionId }) };
  }

  /** Turns rows that differ from the log into a report and a problem, and what the domain refuses into its problem. */
  async guarded<T>(asker: Asker, address: Address, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof IntegrityViolation)) throw toProblem(error);
      const at = { path: address.recorded, streamId: address.streamId };
      throw await this.parts.reports.problem(error, at, this.context(asker, {}, Date.now()));
    }
  }

  /** @throws StoreUnavailable */
  rowOf(tenantId: string, { streamId }: Address, version: number): Promise<ReadRow> {
    return this.parts.log.read(tenantId, streamId, version);
  }

  /** What is there, with its custom metadata checked. @throws IntegrityViolation */
  async believed(tenantId: string, { path }: Address, row: ReadRow): Promise<SecretContext | undefined> {
    const { secret, revision, customMetadata } = this.parts.log.verified(row, path);
    if (secret.status === 'absent') return undefined;
    // Most have none, which takes no key to see.
    const hasNone = customMetadata === null && secret.customMetadata === null;
    const believed = hasNone ? null : await this.metadataOf(tenantId, secret, customMetadata);
    return { path, secret, revision, customMetadata: believed };
  }

  /** @throws IntegrityViolation */
  async metadataOf(tenantId: string, secret: PresentSecret, text: string | null): Promise<CustomMetadata | null> {
    const digest = text === null ? null : await this.metadataDigest(tenantId, secret.secretId, text);
    if (digest !== secret.customMetadata) throw new IntegrityViolation('metadata_changed');
    return parseCustomMetadata(text);
  }

  /** Keyed, so that what people write there can't be guessed from the log. */
  async metadataDigest(tenantId: string, secretId: string, text: string): Promise<string> {
    const hash = await this.parts.keyring.fingerprint(tenantId, `custom-metadata\0${secretId}\0${text}`);
    return hash.toString('base64url');
  }

  /**
   * Decides and stores, once however often the caller repeats it with one `Idempotency-Key`: `repeated` makes the answer
   * from what was stored then.
   */
  async commit<T>(
    asker: Asker,
    address: Address,
    allowed: Allowed,
    operation: string,
    { decide, done, repeated }: CommitOptions<T>,
  ): Promise<T> {
    const { caller, request } = asker;
    const commandId = commandIdOf(request, caller, operation);
    const expectedRevision = expectedRevisionOf(request);
    const before = await this.#repeated(caller.tenantId, address, commandId);
    if (before) return repeated(before);
    const command: SecretCommand = {
      ...{ path: address.path, streamId: address.streamId, commandId, expectedRevision, decide },
      context: this.context(asker, allowed, Date.now()),
    };
    try {
      return await done(await this.parts.log.commit(command));
    } catch (error) {
      // The same command was stored by a call that ran beside this one.
      if (sqlState(error) !== '23505' || (error as pg.DatabaseError).constraint !== 'events_command') throw error;
      const stored = await this.#repeated(caller.tenantId, address, commandId);
      if (!stored) throw error;
      return repeated(stored);
    }
  }

  async #repeated(tenantId: string, { streamId }: Address, commandId: string | undefined) {
    if (commandId === undefined) return undefined;
    const before = await this.parts.store.readCommand(tenantId, commandId);
    if (before && before.events[0]?.streamId !== streamId) throw new ProblemError('idempotency_key_reused');
    return before;
  }

  /** The state right after some revision: what a repeated command answers. */
  async stateAfter(tenantId: string, { streamId }: Address, revision: number): Promise<Secret> {
    const { events } = await this.parts.store.read(tenantId, streamId);
    const until = events.filter((event) => event.revision <= revision);
    return until.reduce<Secret>(secretDecider.evolve, secretDecider.initialState);
  }
}
