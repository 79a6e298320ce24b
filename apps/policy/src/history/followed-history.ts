import { formatPosition } from '@gatehouse/contracts';
import type { CompiledPolicy } from '@gatehouse/evaluator';
import type pg from 'pg';
import type { Moment } from './as-of.js';
import { LogReading } from './log-reading.js';
import { organizationsOf } from './organizations-of.js';
import type { Past } from './past-facts.js';
import { refusePast } from './problems.js';
import { maxOrganizations, readOrganizations } from './tenant-log.js';

export interface FollowedHistoryOptions {
  readonly pool: pg.Pool;
  readonly compiled: (tenantId: string, digest: string | null) => Promise<CompiledPolicy>;
  readonly maxEvents: number;
}

/** The past of one tenant, read as far as somebody asked. */
export class FollowedHistory {
  readonly #options: FollowedHistoryOptions;
  readonly #policies = new Map<string | null, CompiledPolicy>();
  /** Replaced by a complete one only, so that who reads it is not disturbed. */
  #reading: LogReading;
  #isRead = false;
  #named: ReadonlySet<string> = new Set();
  #following: Promise<void> | undefined;

  constructor(
    readonly tenantId: string,
    options: FollowedHistoryOptions,
  ) {
    this.#options = options;
    this.#reading = new LogReading(tenantId, []);
  }

  /** Events it is made of. */
  get size(): number {
    return this.#reading.history.size;
  }

  /** PostgreSQL's time when the log was read last, in microseconds. */
  get nowUs(): number {
    return this.#reading.nowUs;
  }

  covers(moment: Moment): boolean {
    return this.#reading.covers(moment);
  }

  /** Reads the log up to now, once for all who ask meanwhile. `organizations`: whose members matter beside those named in facts. */
  async follow(organizations: Iterable<string> = []): Promise<void> {
    const wanted = [...organizations].filter((id) => id !== this.tenantId);
    if (!wanted.every((id) => this.#named.has(id))) this.#named = new Set([...this.#named, ...wanted]);
    for (let isEnough = false; !isEnough; ) {
      this.#following ??= this.#follow().finally(() => {
        this.#following = undefined;
      });
      await this.#following;
      isEnough = wanted.every((id) => this.#reading.history.organizations.has(id));
    }
  }

  /** Compiles every version that was active at some time, so that {@link past} works for all moments. */
  async compileAll(): Promise<void> {
    for (const digest of this.#reading.history.digests) await this.#compile(digest);
  }

  /** Compiles the version that was active at a moment. */
  compileFor(moment: Moment): Promise<void> {
    return this.#compile(this.#policyAt(moment).digest);
  }

  /**
   * @throws RangeError for a moment that was not read, or whose policy was not compiled
   * @throws FactsUnavailable when an event of the tenant could not be applied
   */
  past(moment: Moment): Past {
    const { digest, mode } = this.#policyAt(moment);
    const policy = this.#policies.get(digest);
    if (!policy || !this.covers(moment)) throw new RangeError('the past was not loaded up to this moment');
    const { history } = this.#reading;
    const { timeline } = history;
    const step = history.stepOf(moment);
    const position = formatPosition(timeline.positionOf(step));
    const us = moment.kind === 'time' ? moment.us : timeline.knownAt(step);
    return { facts: history.factsAt(step), policy, mode, position, nowMs: Math.floor(us / 1_000) };
  }

  #policyAt(moment: Moment) {
    const { history } = this.#reading;
    return history.policyAt(history.stepOf(moment));
  }

  async #compile(digest: string | null): Promise<void> {
    if (this.#policies.has(digest)) return;
    const policy = await this.#options.compiled(this.tenantId, digest);
    const organizations = organizationsOf(policy).filter((id) => id !== this.tenantId);
    if (!organizations.every((id) => this.#reading.history.organizations.has(id))) await this.follow(organizations);
    this.#policies.set(digest, policy);
  }

  async #follow(): Promise<void> {
    const { pool, maxEvents } = this.#options;
    const known = this.#reading.history.organizations;
    const isMissing = [...this.#named].some((id) => !known.has(id));
    let reading = this.#isRead && !isMissing ? this.#reading : undefined;
    await reading?.readOn(pool, maxEvents);
    // Who belonged to an organization that is named for the first time stands further up in the log.
    while (!reading || reading.history.isIncomplete) {
      const organizations = new Set([...this.#named, ...(await readOrganizations(pool, this.tenantId))]);
      if (organizations.size > maxOrganizations) throw refusePast('history_too_long');
      reading = new LogReading(this.tenantId, organizations);
      await reading.readOn(pool, maxEvents);
    }
    this.#reading = reading;
    this.#isRead = true;
  }
}
