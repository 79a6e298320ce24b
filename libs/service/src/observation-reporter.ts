import type { NotAuthenticated } from '@gatehouse/authn';
import type { ObservedRefusal, ObservedUse, ObserveRequest } from '@gatehouse/contracts';
import { pause } from '@gatehouse/event-store';
import { Tally } from './tally.js';

export interface ReporterOptions {
  readonly service: string;
  /** Hands one report over; what it throws keeps the report for the next round. */
  readonly send: (report: ObserveRequest) => Promise<unknown>;
  readonly intervalMs?: number;
  readonly onError: (error: Error) => void;
}

/** What the contract allows: a report with one text too long would be refused whole, again and again. */
const clip = (ip: string): string => ip.slice(0, 64);

interface Known {
  readonly type: string;
  readonly id: string;
  readonly tenantId: string;
  readonly keyId?: string;
}

type Seen = 'ip' | 'count' | 'firstAt' | 'lastAt';

/** Rows of one report: what the contract allows. */
const maxRows = 1_000;
/** Kept of each kind while identity is away; beyond it new ones are counted as dropped. */
const maxKept = 10_000;

/** Which failures are refusals to tell, and as what. The others say nothing of a credential. */
const refusals: Readonly<Partial<Record<NotAuthenticated['failure'], 401 | 403>>> = {
  missing: 401,
  scheme: 401,
  malformed: 401,
  unknown: 401,
  disabled: 401,
  expired: 401,
  rotated: 401,
  network: 401,
  ended: 401,
  not_member: 403,
  second_factor: 403,
  out_of_scope: 403,
};

/**
 * Tells identity, a few seconds later and all at once, which keys were used and who was refused. Noting costs a look-up
 * in memory; what cannot be told yet is kept, within a bound. Whoever is known and whoever is not have bounds of their
 * own, so that strangers knocking never push out what happens with a key.
 */
export class ObservationReporter {
  readonly #options: ReporterOptions;
  readonly #uses = new Tally<Omit<ObservedUse, Seen>>(maxKept);
  readonly #known = new Tally<Omit<ObservedRefusal, Seen>>(maxKept);
  readonly #strangers = new Tally<Omit<ObservedRefusal, Seen>>(maxKept);
  readonly #stopped = new AbortController();
  #failing = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** What had no room since the start. */
  get dropped(): number {
    return this.#uses.dropped + this.#known.dropped + this.#strangers.dropped;
  }

  /** A credential opened the door. @param nowMs Unix time in milliseconds */
  used(keyId: string, ip: string, nowMs: number): void {
    this.#uses.add(keyId, clip(ip), nowMs, { keyId });
  }

  /** Nobody was recognised, or somebody was and is not let in. */
  refused({ failure, known }: NotAuthenticated, ip: string, nowMs: number): void {
    const status = refusals[failure];
    if (status !== undefined) this.#refused(status, failure, ip, nowMs, known);
  }

  /** A known caller may not do what he asked for. */
  denied(principal: Known, ip: string, nowMs: number): void {
    this.#refused(403, 'denied', ip, nowMs, principal);
  }

  /** Somebody presented a token whose wrapped answer another one has read, or nobody can read any more. */
  unwrapFailed(wrapped: { readonly tenantId: string; readonly id: string }, ip: string, nowMs: number): void {
    this.#refused(401, 'unwrap', ip, nowMs, { ...wrapped, type: 'wrapped' });
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  /** Tells the rest, if identity answers. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    await this.#flush();
  }

  #refused(status: 401 | 403, reason: string, ip: string, nowMs: number, known?: Known): void {
    if (!known) {
      this.#strangers.add(reason, clip(ip), nowMs, { status, reason });
      return;
    }
    const { type, id, tenantId, keyId } = known;
    const whose = { tenantId: tenantId.slice(0, 63), ...(keyId !== undefined && { keyId }) };
    const what = { status, reason, ...whose, principal: { type, id: id.slice(0, 256) } };
    this.#known.add(`${reason} ${tenantId} ${keyId} ${type} ${id}`, clip(ip), nowMs, what);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await pause(this.#options.intervalMs ?? 2_000, signal);
      if (!signal.aborted) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const { service, send, onError } = this.#options;
    for (;;) {
      const uses = this.#uses.take(maxRows);
      const known = this.#known.take(maxRows / 2);
      const strangers = this.#strangers.take(maxRows / 2);
      if (uses.length + known.length + strangers.length === 0) return;
      try {
        await send({ service, uses: [...uses], refusals: [...known, ...strangers] });
        this.#failing = false;
      } catch (error) {
        this.#uses.giveBack(uses);
        this.#known.giveBack(known);
        this.#strangers.giveBack(strangers);
        // Once per outage: this comes every few seconds.
        if (!this.#failing) onError(error as Error);
        this.#failing = true;
        return;
      }
      // What comes while a report is told waits for the next round: under load there would be no end of reports.
      if (uses.length < maxRows && known.length < maxRows / 2 && strangers.length < maxRows / 2) return;
    }
  }
}
