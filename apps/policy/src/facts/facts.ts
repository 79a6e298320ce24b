import { comparePositions, type Envelope, formatPosition, type Position, startPosition } from '@gatehouse/contracts';
import {
  Doorbell,
  highRate,
  notifyChannel,
  parseEnvelope,
  pause,
  type Query,
  readLog,
  type StoredEvent,
  type Wake,
} from '@gatehouse/event-store';
import type pg from 'pg';
import { type FactEventType, factChangeOf, factTypes, isFactType, policyTypes } from './fact-events.js';
import { GuardedFacts } from './guarded-facts.js';
import { parkFact, tenantsWithParkedFacts, type UnappliedFact } from './parked-facts.js';
import { readFacts } from './read-facts.js';

/** What else the one loop keeps: by which version each tenant decides. */
export interface FollowedPolicies {
  /** All tenants, in the snapshot of the facts. */
  load(query: Query): Promise<void>;
  /** One event, in the order of the log; rejects only when trying again may help. */
  apply(tenantId: string, type: string, data: Envelope['data']): Promise<void>;
}

export interface FactsOptions {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly wake: Wake;
  /** Changed in the order of the log, together with the facts. */
  readonly policies?: FollowedPolicies;
  readonly onError: (error: Error) => void;
}

const types: readonly string[] = [...factTypes, ...policyTypes];
const pageEvents = 1_000;
const idleLookMs = 1_000;
const heldLookMs = 2;

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
}

/**
 * Everything a decision reads, in memory: loaded once from the read models, then kept by following the log. `position`
 * says up to where, exactly, and is recorded with every decision.
 */
export class Facts {
  /** Refuses a tenant whose facts are not known, so nothing is decided on half of them. */
  readonly live = new GuardedFacts();
  readonly #options: FactsOptions;
  readonly #bell = new Doorbell();
  readonly #stopped = new AbortController();
  readonly #waiting = new Set<Waiter>();
  #position = startPosition;
  #positionText = formatPosition(startPosition);
  /** The rows that were loaded may hold more than `position` says, up to here: nothing is decided before it is passed. */
  #loadedUpTo: Position | undefined;
  #loop: Promise<void> = Promise.resolve();
  #unlisten: (() => void)[] = [];
  #unapplied: UnappliedFact[] = [];

  constructor(options: FactsOptions) {
    this.#options = options;
  }

  /** False until the facts are known: nothing may be decided before. */
  get loaded(): boolean {
    return this.live.isOpen;
  }

  /** Position up to which facts are known, as text. */
  get position(): string {
    return this.#positionText;
  }

  start(): this {
    const { wake } = this.#options;
    const channel = notifyChannel('policy');
    this.#unlisten = [
      wake.listen((on, payload) => on === channel && payload !== highRate && this.#bell.ring()),
      wake.onReconnect(() => this.#bell.ring()),
    ];
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const end of this.#unlisten) end();
    await this.#loop;
  }

  /** Resolves true when facts up to `position` are known, false after `timeoutMs`. */
  async waitFor(position: Position, timeoutMs: number): Promise<boolean> {
    if (comparePositions(this.#position, position) >= 0) return true;
    this.#bell.ring();
    const given = new AbortController();
    let waiter: Waiter | undefined;
    const reached = new Promise<true>((resolve) => {
      waiter = { position, resolve: () => resolve(true) };
      this.#waiting.add(waiter);
    });
    const late = pause(timeoutMs, given.signal).then(() => false as const);
    return Promise.race([reached, late]).finally(() => {
      given.abort();
      if (waiter) this.#waiting.delete(waiter);
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        if (!this.#loadedUpTo) await this.#load();
        const held = await this.#follow();
        await this.#bell.wait(held ? heldLookMs : idleLookMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError(error as Error);
        await pause(250, signal);
      }
    }
  }

  async #load(): Promise<void> {
    const { pool, policies } = this.#options;
    this.live.clear(); // of an attempt that failed
    let parked: readonly string[] = [];
    const { position, end } = await readFacts(pool, (tenantId, change) => this.live.apply(tenantId, change), {
      signal: this.#stopped.signal,
      also: async (client) => {
        parked = await tenantsWithParkedFacts(client);
        await policies?.load(client);
      },
    });
    for (const tenantId of parked) this.live.refuse(tenantId);
    this.#reach(position);
    this.#loadedUpTo = end;
  }

  async #follow(): Promise<boolean> {
    for (;;) {
      const page = await readLog(this.#options.pool, this.#position, { limit: pageEvents, types });
      await this.#applyAll(page.events);
      this.#reach(page.position);
      // What the loaded rows may hold beyond their position is either behind us or was still to come then.
      const isPast = this.#loadedUpTo !== undefined && comparePositions(page.position, this.#loadedUpTo) >= 0;
      const isLast = page.events.length < pageEvents;
      if (isPast || (isLast && !page.held)) this.live.open();
      await this.#park();
      if (isLast) return page.held;
    }
  }

  /** Between two awaits the facts are exactly those of `position`: a decision may come there, and records it. */
  async #applyAll(events: readonly StoredEvent[]): Promise<void> {
    let before: Position | undefined;
    for (const event of events) {
      if (isFactType(event.type)) this.#applyFact(event, event.type);
      else {
        if (before) this.#reach(before);
        await this.#options.policies?.apply(event.tenantId, event.type, parseEnvelope(event.text).data);
        this.#reach(event.position);
      }
      before = event.position;
    }
  }

  #applyFact(event: StoredEvent, type: FactEventType): void {
    try {
      const change = factChangeOf(type, parseEnvelope(event.text).data);
      if (change) this.live.apply(event.tenantId, change);
    } catch (error) {
      // Not known what it takes away: the tenant is closed, the others go on.
      this.live.refuse(event.tenantId);
      this.#unapplied.push({ event, reason: (error as Error).name });
      this.#options.onError(error as Error);
    }
  }

  /** Shown where read models show theirs, and remembered: the tenant stays closed when this process starts again. */
  async #park(): Promise<void> {
    for (const fact of this.#unapplied) await parkFact(this.#options.pool, fact);
    this.#unapplied = [];
  }

  #reach(position: Position): void {
    if (comparePositions(position, this.#position) <= 0) return;
    this.#position = position;
    this.#positionText = formatPosition(position);
    for (const waiter of this.#waiting) {
      if (comparePositions(position, waiter.position) < 0) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}
