import type { Query } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import './token-problems.js';

/** Tokens that one tenant may have at once. */
export const maxTokensPerTenant = 100_000;

const maxAgeMs = 10_000;
const maxTenants = 10_000;

interface Counted {
  count: number;
  readonly atMs: number;
}

/**
 * Bounds the tokens of a tenant. Counting rows at every login would cost more than the login, so each replica counts them
 * every ten seconds and adds its own: what all replicas make in that time may pass the bound by that much.
 */
export class TokenQuota {
  readonly #counted = new Map<string, Counted>();

  constructor(
    private readonly query: Query,
    private readonly max: number = maxTokensPerTenant,
  ) {}

  /** One more. @throws ProblemError `too_many_tokens` */
  async take(tenantId: string, nowMs: number): Promise<void> {
    const known = this.#counted.get(tenantId);
    const counted = known && nowMs - known.atMs < maxAgeMs ? known : await this.#count(tenantId, nowMs);
    if (counted.count >= this.max)
      throw new ProblemError('too_many_tokens', 'Revoke some, or give them shorter lives', { retryAfterSeconds: 10 });
    counted.count += 1;
  }

  async #count(tenantId: string, nowMs: number): Promise<Counted> {
    const { rows } = await this.query.query<{ count: number }>(
      `select count(*)::int as count from (
         select from tokens where tenant_id = $1 and expires_at > $2 and revoked_at is null limit $3) as counted`,
      [tenantId, new Date(nowMs), this.max],
    );
    const counted = { count: rows[0]?.count ?? 0, atMs: nowMs };
    if (this.#counted.size >= maxTenants) this.#counted.delete(this.#counted.keys().next().value ?? '');
    this.#counted.delete(tenantId);
    this.#counted.set(tenantId, counted);
    return counted;
  }
}
