import {
  comparePositions,
  type Entity,
  formatPosition,
  type GroupJoined,
  type Position,
  type RoleGranted,
  startPosition,
} from '@gatehouse/contracts';
import { LiveFacts, parseScope } from '@gatehouse/evaluator';
import { Doorbell, highRate, notifyChannel, parseEnvelope, pause, readLog, type Wake } from '@gatehouse/event-store';
import type pg from 'pg';

export interface FactsOptions {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly wake: Wake;
  readonly onError: (error: Error) => void;
}

const factTypes = ['role.granted', 'role.revoked', 'group.joined', 'group.left'];
const idleLookMs = 1_000;
const heldLookMs = 2;

interface GrantRow {
  readonly tenant_id: string;
  readonly grant_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly role: string;
  readonly scope: string;
}

interface MemberRow {
  readonly tenant_id: string;
  readonly group_entity: Entity;
  readonly member_entity: Entity;
}

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
}

/**
 * Everything a decision reads, in memory: loaded once from the read model, then kept by following the log. `position`
 * says up to where, and is recorded with every decision.
 */
export class Facts {
  readonly live = new LiveFacts();
  readonly #options: FactsOptions;
  readonly #bell = new Doorbell();
  readonly #stopped = new AbortController();
  #waiting: Waiter[] = [];
  #position = startPosition;
  #positionText = formatPosition(startPosition);
  #loaded = false;
  #loop: Promise<void> = Promise.resolve();
  #unlisten: (() => void)[] = [];

  constructor(options: FactsOptions) {
    this.#options = options;
  }

  /** False until the facts are known: nothing may be decided before. */
  get loaded(): boolean {
    return this.#loaded;
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
    const reached = new Promise<true>((resolve) => {
      this.#waiting.push({ position, resolve: () => resolve(true) });
    });
    const late = pause(timeoutMs, given.signal).then(() => false as const);
    return Promise.race([reached, late]).finally(() => given.abort());
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        if (!this.#loaded) await this.#load();
        const held = await this.#follow();
        await this.#bell.wait(held ? heldLookMs : idleLookMs, signal);
      } catch (error) {
        this.#options.onError(error as Error);
        await pause(250, signal);
      }
    }
  }

  /** One snapshot: the rows, and the oldest transaction that may still add to them. */
  async #load(): Promise<void> {
    const client = await this.#options.pool.connect();
    try {
      await client.query('begin isolation level repeatable read read only');
      const { rows: horizon } = await client.query<{ tx: string }>(
        'select pg_snapshot_xmin(pg_current_snapshot())::text as tx',
      );
      const { rows } = await client.query<GrantRow>('select * from grants where active');
      const { rows: members } = await client.query<MemberRow>('select * from group_members');
      await client.query('commit');
      for (const row of rows) this.#apply(row.tenant_id, row);
      for (const { tenant_id, group_entity: group, member_entity: member } of members)
        this.live.apply(tenant_id, { kind: 'joined', group, member });
      this.#reach({ tx: BigInt(horizon[0]?.tx ?? 1) - 1n, seq: 9_223_372_036_854_775_807n });
      this.#loaded = true;
    } finally {
      client.release();
    }
  }

  async #follow(): Promise<boolean> {
    for (;;) {
      const page = await readLog(this.#options.pool, this.#position, { limit: 1_000, types: factTypes });
      for (const event of page.events) {
        const { data, type } = parseEnvelope(event.text);
        this.#follows[type]?.(event.tenantId, data);
      }
      this.#reach(page.position);
      if (page.events.length < 1_000) return page.held;
    }
  }

  /** What each kind of fact changes. */
  readonly #follows: Readonly<Record<string, (tenantId: string, data: Readonly<Record<string, unknown>>) => void>> = {
    'role.granted': (tenantId, data) => this.#grant(tenantId, data as unknown as RoleGranted),
    'role.revoked': (tenantId, data) => this.live.apply(tenantId, { kind: 'revoked', grantId: String(data.grantId) }),
    'group.joined': (tenantId, data) => {
      const { group, member } = data as unknown as GroupJoined;
      this.live.apply(tenantId, { kind: 'joined', group, member });
    },
    'group.left': (tenantId, data) => {
      const { group, member } = data as unknown as GroupJoined;
      this.live.apply(tenantId, { kind: 'left', group, member });
    },
  };

  #grant(tenantId: string, { grantId, subject, role, scope }: RoleGranted): void {
    this.#apply(tenantId, { grant_id: grantId, subject_type: subject.type, subject_id: subject.id, role, scope });
  }

  #apply(tenantId: string, row: Omit<GrantRow, 'tenant_id'>): void {
    const scope = parseScope(row.scope);
    // A scope that can't be read gives nothing: it was refused when it was granted.
    if (!scope.ok) return;
    const subject = { type: row.subject_type, id: row.subject_id };
    const grant = { id: row.grant_id, subject, role: row.role, scope: scope.value };
    this.live.apply(tenantId, { kind: 'granted', grant });
  }

  #reach(position: Position): void {
    if (comparePositions(position, this.#position) === 0) return;
    this.#position = position;
    this.#positionText = formatPosition(position);
    const isReached = (waiter: Waiter) => comparePositions(position, waiter.position) >= 0;
    const reached = this.#waiting.filter(isReached);
    this.#waiting = this.#waiting.filter((waiter) => !isReached(waiter));
    for (const { resolve } of reached) resolve();
  }
}
