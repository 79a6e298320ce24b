import { type Position, startPosition } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Moment } from './as-of.js';
import { refusePast } from './problems.js';
import { TenantHistory } from './tenant-history.js';
import { type Horizon, readHorizon, readTenantLog } from './tenant-log.js';

/** Events of one page: some milliseconds of the event loop. */
const pageEvents = 2_000;

/** The history of one tenant as far as the log was read, and reading on. Owner: `FollowedHistory`, one call at a time. */
export class LogReading {
  readonly history: TenantHistory;
  #after: Position = startPosition;
  /** Every transaction before this one has been read. */
  #before = 0n;
  /** What was recorded up to here has been read. */
  #settledUs = Number.NEGATIVE_INFINITY;
  /** Transactions that were running when this was looked at may still bring something of before. */
  #unsettled: Horizon | undefined;
  /** PostgreSQL's time when the log was read last, in microseconds. */
  nowUs = 0;

  constructor(tenantId: string, organizations: Iterable<string>) {
    this.history = new TenantHistory(tenantId, new Set(organizations));
  }

  /** Whether the answer for this moment is in memory and can't change any more. */
  covers(moment: Moment): boolean {
    return moment.kind === 'time' ? moment.us <= this.#settledUs : moment.position.tx < this.#before;
  }

  /** @throws ProblemError `history_too_long` beyond `maxEvents` */
  async readOn(query: Query, maxEvents: number): Promise<void> {
    const horizon = await readHorizon(query);
    const { tenantId, organizations } = this.history;
    for (let more = true; more; ) {
      const part = { tenantId, organizations: [...organizations], after: this.#after, before: horizon.min };
      const events = await readTenantLog(query, { ...part, limit: pageEvents });
      for (const event of events) this.history.add(event);
      this.#after = events.at(-1)?.position ?? this.#after;
      if (this.history.size > maxEvents) throw refusePast('history_too_long');
      more = events.length === pageEvents;
    }
    if (horizon.min > this.#before) this.#before = horizon.min;
    this.#settle(horizon);
  }

  /**
   * An event that was recorded before `nowUs` stands in a transaction before `max`: once all of those have ended, nothing
   * of that time can come any more.
   */
  #settle(horizon: Horizon): void {
    this.nowUs = horizon.nowUs;
    for (const seen of [this.#unsettled, horizon]) {
      if (seen && horizon.min >= seen.max) this.#settledUs = Math.max(this.#settledUs, seen.nowUs);
    }
    if (!this.#unsettled || horizon.min >= this.#unsettled.max) this.#unsettled = horizon;
  }
}
