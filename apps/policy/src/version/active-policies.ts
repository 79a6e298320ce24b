import type { PolicyActivated, PolicyMode, PolicySettingsChanged } from '@gatehouse/contracts';
import type { CompiledPolicy } from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { builtinPolicy } from '../role/roles.js';
import { CompiledVersions, VersionUnusable } from './compiled-versions.js';

/** What a tenant decides by, as of the position the facts stand at. */
export interface ActivePolicy {
  readonly policy: CompiledPolicy;
  readonly mode: PolicyMode;
}

export interface ActivePoliciesOptions {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  /** A tenant's policy cannot be read or compiled: nothing is decided for it until it can. */
  readonly onError: (error: Error) => void;
  /** Characters of policy texts that may be in memory compiled; see {@link CompiledVersions}. */
  readonly maxCompiledChars?: number;
}

/** The text of the active version cannot be read or compiled now. Only this tenant is refused. */
export class PolicyUnavailable extends ProblemError {
  constructor() {
    super('policy_unavailable', undefined, { retryAfterSeconds: 1 });
  }
}

interface Slot {
  digest: string | null;
  mode: PolicyMode;
  /** Absent while the version cannot be used. */
  active: ActivePolicy | undefined;
  using: Promise<void> | undefined;
}

type Query = Pick<pg.ClientBase, 'query'>;

const strictBuiltin: ActivePolicy = { policy: builtinPolicy, mode: 'strict' };
const retryMs = { first: 250, most: 30_000 } as const;

/**
 * The active policy of every tenant, in memory. Changed by the loop that follows the log, in its order and together with
 * the facts, so that one position says what both were.
 */
export class ActivePolicies {
  /** Types of events that {@link apply} wants. */
  readonly applies: readonly string[] = ['policy.activated', 'policy.settings_changed'];
  readonly #options: ActivePoliciesOptions;
  readonly #versions: CompiledVersions;
  #slots = new Map<string, Slot>();
  #retry: NodeJS.Timeout | undefined;
  #retryMs: number = retryMs.first;
  #stopped = false;

  constructor(options: ActivePoliciesOptions) {
    this.#options = options;
    this.#versions = new CompiledVersions({
      query: options.pool,
      onEvicted: (digest) => this.#forget(digest),
      ...(options.maxCompiledChars !== undefined && { maxChars: options.maxCompiledChars }),
    });
  }

  /**
   * `action`: what is asked, if it is known. No document is read for `policy.*` (semantics.md 7.1), so that a tenant whose
   * policy cannot be used can still activate another one.
   *
   * @throws PolicyUnavailable
   */
  of(tenantId: string, action = ''): ActivePolicy {
    const slot = this.#slots.get(tenantId);
    if (!slot) return strictBuiltin;
    if (slot.active) {
      this.#versions.touch(slot.digest);
      return slot.active;
    }
    // Given up for another one's sake, or broken: whoever asks again may be luckier.
    if (!this.#retry) void this.#use(tenantId, slot);
    if (action.startsWith('policy.')) return { policy: builtinPolicy, mode: slot.mode };
    throw new PolicyUnavailable();
  }

  /** Any version of a tenant, active or not. @throws VersionUnusable, or the database's error */
  versionOf(tenantId: string, digest: string | null): Promise<CompiledPolicy> {
    return this.#versions.get(tenantId, digest);
  }

  /** Tenants that cannot be decided for, versions in memory, and their characters. */
  get state() {
    const unavailable = [...this.#slots.values()].filter((slot) => !slot.active).length;
    return { unavailable, compiled: this.#versions.size, compiledChars: this.#versions.chars };
  }

  /** Everything that is active in the snapshot of `query`. Throws the database's errors; call it again then. */
  async load(query: Query): Promise<void> {
    const { rows } = await query.query<{ tenant_id: string; digest: string | null; mode: PolicyMode }>(
      'select tenant_id, digest, mode from active_policies',
    );
    this.#slots = new Map(
      rows.map(({ tenant_id, digest, mode }) => [tenant_id, { digest, mode, active: undefined, using: undefined }]),
    );
    for (const [tenantId, slot] of this.#slots) await this.#use(tenantId, slot, query);
  }

  /**
   * One event of the log, in its order. Resolves when the tenant decides by it, or is refused because it cannot; the
   * former version decides until then. Never throws, so one tenant's policy holds up nobody else.
   */
  async apply(tenantId: string, type: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    const slot = this.#slots.get(tenantId) ?? { digest: null, mode: 'strict', active: strictBuiltin, using: undefined };
    this.#slots.set(tenantId, slot);
    if (type === 'policy.activated') {
      slot.digest = (data as unknown as PolicyActivated).digest;
      // One that is being read may be the former one.
      await slot.using;
      await this.#use(tenantId, slot);
    } else if (type === 'policy.settings_changed') {
      slot.mode = (data as unknown as PolicySettingsChanged).mode;
      slot.active &&= { policy: slot.active.policy, mode: slot.mode };
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
  }

  #use(tenantId: string, slot: Slot, query?: Query): Promise<void> {
    slot.using ??= this.#read(tenantId, slot, query).finally(() => {
      slot.using = undefined;
    });
    return slot.using;
  }

  async #read(tenantId: string, slot: Slot, query: Query | undefined): Promise<void> {
    const { digest } = slot;
    try {
      const policy = await this.#versions.get(tenantId, digest, query);
      // An activation that came meanwhile reads its own version, right after this.
      if (slot.digest === digest) slot.active = { policy, mode: slot.mode };
    } catch (error) {
      slot.active = undefined;
      // A snapshot that failed is read again as a whole.
      if (query && !(error instanceof VersionUnusable)) throw error;
      this.#options.onError(new Error(`the policy ${digest} of tenant ${tenantId} cannot be used`, { cause: error }));
      this.#retrySoon();
    }
  }

  #forget(digest: string): void {
    for (const slot of this.#slots.values()) if (slot.digest === digest) slot.active = undefined;
  }

  #retrySoon(): void {
    if (this.#retry || this.#stopped) return;
    this.#retry = setTimeout(() => void this.#retryAll(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, retryMs.most);
  }

  async #retryAll(): Promise<void> {
    for (const [tenantId, slot] of this.#slots) if (!slot.active) await this.#use(tenantId, slot);
    this.#retry = undefined;
    if ([...this.#slots.values()].some((slot) => !slot.active)) this.#retrySoon();
    else this.#retryMs = retryMs.first;
  }
}
