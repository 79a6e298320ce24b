import { AttemptLimit } from '../../setup/redeem-setup/attempt-limit.js';

const perMinute = 5;
const maxPeople = 10_000;

/** A bound on guesses of one person's password by whoever sits at an open session of that person. */
export class PersonAttempts {
  readonly #limits = new Map<string, AttemptLimit>();

  /** Takes one attempt and answers 0, or takes none and answers how many milliseconds to wait. */
  take(userId: string, nowMs: number): number {
    const limit = this.#limits.get(userId) ?? new AttemptLimit(perMinute);
    // Whoever tried last is kept longest: the map keeps insertion order.
    this.#limits.delete(userId);
    this.#limits.set(userId, limit);
    if (this.#limits.size > maxPeople) this.#limits.delete(this.#limits.keys().next().value ?? '');
    return limit.take(nowMs);
  }
}
