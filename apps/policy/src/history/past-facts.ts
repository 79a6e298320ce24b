import type { PolicyMode, Position } from '@gatehouse/contracts';
import type { CompiledPolicy, TenantFacts } from '@gatehouse/evaluator';
import { pause, StoreOverloaded, StoreUnavailable } from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import { type Moment, parseAsOf } from './as-of.js';
import { FollowedHistory, type FollowedHistoryOptions } from './followed-history.js';
import { refusePast } from './problems.js';

/** What decided in one tenant at one moment. */
export interface Past {
  readonly facts: TenantFacts;
  readonly policy: CompiledPolicy;
  readonly mode: PolicyMode;
  /** Of the last event that was known. */
  readonly position: string;
  /** The time of the moment, for conditions on time: what was asked about, or when the position was reached. */
  readonly nowMs: number;
}

/** The past of one tenant, held in memory by whoever has this, as long as he has it. */
export interface LoadedPast {
  /** Events it is made of. */
  readonly events: number;
  /** @throws RangeError for a position that the log had not reached when it was loaded */
  at(position: Position): Past;
}

export interface PastFactsOptions extends FollowedHistoryOptions {
  /** Longest wait for transactions that were running at the moment that is asked about. */
  readonly maxWaitMs?: number;
}

const defaultWaitMs = 2_000;
const lookMs = 5;
/** Readings of whole histories that wait for their turn, shared by tenants: each takes PostgreSQL and the event loop for a while. */
const maxWaiting = 32;

/**
 * Facts and policies as they were. The log of a tenant is read once, read on when somebody asks about what is newer, and
 * let go when others need the room. A question about what is known already touches no database.
 */
export class PastFacts {
  readonly #options: PastFactsOptions;
  /** The one asked last is last. */
  readonly #tenants = new Map<string, FollowedHistory>();
  #turn: Promise<unknown> = Promise.resolve();
  readonly #waiting = new SharedBound(maxWaiting);

  constructor(options: PastFactsOptions) {
    this.#options = options;
  }

  /** Events in memory. */
  get size(): number {
    let size = 0;
    for (const history of this.#tenants.values()) size += history.size;
    return size;
  }

  /**
   * What decided at a moment: a position, or a time of RFC 3339. The answer for a moment never changes: it is given when
   * everything that was recorded until then has committed.
   *
   * @throws ProblemError `as_of_malformed`, `as_of_in_future`, `history_too_long`
   * @throws StoreUnavailable when a transaction of that moment is still running, or PostgreSQL does not answer
   */
  async at(tenantId: string, asOf: string): Promise<Past> {
    const moment = parseAsOf(asOf);
    if (!moment) throw refusePast('as_of_malformed');
    const history = await this.#history(tenantId);
    if (!history.covers(moment)) await this.#catchUp(history, moment);
    await history.compileFor(moment);
    return history.past(moment);
  }

  /**
   * The whole past of a tenant up to now, with every policy that was active. `organizations`: other tenants whose members
   * matter to a policy that never was.
   */
  async load(tenantId: string, organizations: Iterable<string> = []): Promise<LoadedPast> {
    const history = await this.#history(tenantId);
    await history.follow(organizations);
    await history.compileAll();
    this.#makeRoom();
    return { events: history.size, at: (position) => history.past({ kind: 'position', position }) };
  }

  /** At once, for a tenant that {@link load} was awaited for; prefer what that answers, which is never let go. */
  atPosition(tenantId: string, position: Position): Past {
    const history = this.#tenants.get(tenantId);
    if (!history) throw new RangeError('the past of this tenant is not loaded');
    return history.past({ kind: 'position', position });
  }

  async #history(tenantId: string): Promise<FollowedHistory> {
    const known = this.#tenants.get(tenantId);
    if (known) {
      this.#tenants.delete(tenantId);
      this.#tenants.set(tenantId, known);
      return known;
    }
    return this.#inTurn(tenantId, async () => {
      const meanwhile = this.#tenants.get(tenantId);
      if (meanwhile) return meanwhile;
      const history = new FollowedHistory(tenantId, this.#options);
      await history.follow();
      this.#tenants.set(tenantId, history);
      this.#makeRoom();
      return history;
    });
  }

  async #catchUp(history: FollowedHistory, moment: Moment): Promise<void> {
    const deadline = performance.now() + (this.#options.maxWaitMs ?? defaultWaitMs);
    for (;;) {
      await history.follow();
      if (history.covers(moment)) break;
      if (moment.kind === 'time' && moment.us > history.nowUs) throw refusePast('as_of_in_future');
      if (performance.now() > deadline) {
        if (moment.kind === 'position') throw refusePast('as_of_in_future');
        throw new StoreUnavailable('a transaction of that moment is still running');
      }
      await pause(lookMs);
    }
    this.#makeRoom();
  }

  /** The one asked last stays, whatever its size: that is bounded by itself. */
  #makeRoom(): void {
    let size = this.size;
    for (const [tenantId, history] of this.#tenants) {
      if (size <= this.#options.maxEvents || this.#tenants.size === 1) return;
      this.#tenants.delete(tenantId);
      size -= history.size;
    }
  }

  async #inTurn<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const entered = { group: tenantId, count: 1 };
    if (!this.#waiting.enter(entered)) throw new StoreOverloaded(this.#waiting.size);
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn.finally(() => {
      this.#waiting.leave(entered);
    });
  }
}
