import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import { networkOf, ProblemError } from '@gatehouse/http';

export interface RegistrationLimits {
  readonly perAddress: number;
  readonly perOwner: number;
}

/** New registrations of this hour, by where they come from and for whom, counted for all replicas together. */
export class RegistrationCounts {
  constructor(
    private readonly query: Query,
    private readonly pepper: Pepper,
    private readonly limits: RegistrationLimits,
  ) {}

  /**
   * Counts one, and refuses what is too many: of an address first, so that one address cannot use up what an owner has.
   * Owners are counted by what was asked for, whether or not they exist.
   *
   * @throws ProblemError `rate_limited`
   */
  async take(ip: string, owner: string, now: number): Promise<void> {
    await this.#count(`address ${networkOf(ip)}`, this.limits.perAddress, now);
    await this.#count(`owner ${owner}`, this.limits.perOwner, now);
  }

  async #count(what: string, limit: number, now: number): Promise<void> {
    const hourMs = 3_600_000;
    const hour = new Date(Math.floor(now / hourMs) * hourMs);
    const { rows } = await this.query.query<{ count: number }>(
      `insert into registration_counts (counted, hour, count) values ($1, $2, 1)
       on conflict (counted, hour) do update set count = least(registration_counts.count + 1, 1000000) returning count`,
      [blindIndex(this.pepper, 'registration.count', what), hour],
    );
    if ((rows[0]?.count ?? 0) <= limit) return;
    const retryAfterSeconds = Math.ceil((hour.getTime() + hourMs - now) / 1_000);
    throw new ProblemError('rate_limited', 'Too many new registrations in this hour', { retryAfterSeconds });
  }
}
