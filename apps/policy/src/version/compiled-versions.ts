import { type CompiledPolicy, compile } from '@gatehouse/evaluator';
import { StoreUnavailable } from '@gatehouse/event-store';
import type pg from 'pg';
import { builtinPolicy } from '../role/roles.js';
import { contentOf, digestOfText } from './version-text.js';

type Query = Pick<pg.ClientBase, 'query'>;

export interface CompiledVersionsOptions {
  /** Connections of the system role. */
  readonly query: Query;
  /** Called for a version that is no longer kept. */
  readonly onEvicted: (digest: string) => void;
  /** Characters of policy text whose compiled form is kept; the least recently used goes first. */
  readonly maxChars?: number;
}

/** The text is not there, is not what its digest says, or can't be compiled: whatever needs it answers 503. */
export class VersionUnusable extends StoreUnavailable {
  override readonly name = 'VersionUnusable';
}

interface Kept {
  readonly policy: CompiledPolicy;
  readonly chars: number;
  used: number;
}

const defaultMaxChars = 128 * 1_048_576;

/** Versions by digest, compiled once for all tenants that have the same text. */
export class CompiledVersions {
  readonly #options: CompiledVersionsOptions;
  readonly #kept = new Map<string, Kept>();
  #chars = 0;
  #uses = 0;

  constructor(options: CompiledVersionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  get chars(): number {
    return this.#chars;
  }

  touch(digest: string | null): void {
    const kept = digest === null ? undefined : this.#kept.get(digest);
    if (kept) kept.used = ++this.#uses;
  }

  /**
   * A version of this tenant: another tenant's is not there, also when its text is in memory.
   *
   * @throws VersionUnusable, or the database's error
   */
  async get(tenantId: string, digest: string | null, query = this.#options.query): Promise<CompiledPolicy> {
    if (digest === null) return builtinPolicy;
    const kept = this.#kept.get(digest);
    const { rows } = await query.query<{ text: string | null }>(
      'select case when $3 then null else text end as text from policy_texts where tenant_id = $1 and digest = $2',
      [tenantId, digest, kept !== undefined],
    );
    if (!rows[0]) throw new VersionUnusable(`there is no text of ${digest}`);
    if (kept) {
      kept.used = ++this.#uses;
      return kept.policy;
    }
    const text = rows[0].text ?? '';
    const policy = compileText(digest, text);
    this.#keep(digest, { policy, chars: text.length, used: ++this.#uses });
    return policy;
  }

  #keep(digest: string, kept: Kept): void {
    if (this.#kept.has(digest)) return;
    this.#kept.set(digest, kept);
    this.#chars += kept.chars;
    while (this.#chars > (this.#options.maxChars ?? defaultMaxChars) && this.#kept.size > 1) this.#evict(digest);
  }

  #evict(except: string): void {
    const others = [...this.#kept].filter(([digest]) => digest !== except);
    const [digest, { chars }] = others.reduce((oldest, other) => (other[1].used < oldest[1].used ? other : oldest));
    this.#kept.delete(digest);
    this.#chars -= chars;
    this.#options.onEvicted(digest);
  }
}

/** @throws VersionUnusable */
export function compileText(digest: string, text: string): CompiledPolicy {
  if (digestOfText(text) !== digest) throw new VersionUnusable(`the text of ${digest} is not what was drafted`);
  try {
    return compile({ digest, document: contentOf(text).document });
  } catch (error) {
    throw new VersionUnusable(`the text of ${digest} can't be compiled`, { cause: error });
  }
}
