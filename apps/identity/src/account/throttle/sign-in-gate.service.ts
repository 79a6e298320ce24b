import { blindIndex, type Pepper } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import { networkOf } from '@gatehouse/http';
import type pg from 'pg';
import type { People, Person } from '../../person/people.service.js';
import type { Counted, Throttle } from './throttle.service.js';

const placesKept = 20;
const rememberedMs = 90 * 86_400_000;

export interface GateOptions {
  /** Connections of the system role, and of the request role. */
  readonly system: pg.Pool;
  readonly request: pg.Pool;
  readonly pepper: Pepper;
  readonly people: People;
  readonly throttle: Throttle;
}

/**
 * Slows guessing down. Whoever comes from a network that the person signed in from before has a count of his own, which
 * nobody on other networks can use up; everybody else shares one count for the address and one for his network.
 */
export class SignInGate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Before anything is compared. @throws ProblemError `sign_in_delayed` */
  async enter(email: string, ip: string, now: number): Promise<void> {
    await this.#options.throttle.take(await this.#countedFor(email, ip, now), now);
  }

  /** The sign-in is complete: what was counted for it is taken back, and its network is known from now on. */
  async passed(person: Person, email: string, ip: string, now: number): Promise<void> {
    const { throttle } = this.#options;
    const known = await this.#isKnown(email, ip, now);
    if (!known) await throttle.takeBack(throttle.ofNetwork('network', ip));
    await this.forget(email, ip);
    await this.#remember(person, ip, now);
  }

  /** Whoever reads the mailbox of an address is no guesser: its count starts anew. */
  async forget(email: string, ip: string): Promise<void> {
    const { throttle } = this.#options;
    await throttle.forget([throttle.counted('account', email.trim()), this.#knownPlace(email, ip)]);
  }

  async #countedFor(email: string, ip: string, now: number): Promise<readonly Counted[]> {
    const { throttle } = this.#options;
    if (await this.#isKnown(email, ip, now)) return [this.#knownPlace(email, ip)];
    return [throttle.counted('account', email.trim()), throttle.ofNetwork('network', ip)];
  }

  #knownPlace(email: string, ip: string): Counted {
    return this.#options.throttle.counted('knownPlace', email.trim(), networkOf(ip));
  }

  /** One statement, whether there is such a person or not. */
  async #isKnown(email: string, ip: string, now: number): Promise<boolean> {
    const { system, people } = this.#options;
    const { rows } = await system.query(
      `select 1 from people p join known_places k using (user_id)
       where p.email_index = $1 and p.status = 'active' and k.place_hash = $2 and k.last_at > $3`,
      [people.indexOf(email), this.#hash(ip), new Date(now - rememberedMs)],
    );
    return rows.length > 0;
  }

  #remember({ userId, homeTenantId }: Person, ip: string, now: number): Promise<void> {
    return asTenant(this.#options.request, homeTenantId, async (client) => {
      await client.query(
        `insert into known_places (tenant_id, user_id, place_hash, last_at) values ($1, $2, $3, $4)
         on conflict (user_id, place_hash) do update set last_at = excluded.last_at`,
        [homeTenantId, userId, this.#hash(ip), new Date(now)],
      );
      await client.query(
        `delete from known_places where user_id = $1 and place_hash not in (
           select place_hash from known_places where user_id = $1 order by last_at desc limit $2)`,
        [userId, placesKept],
      );
    });
  }

  #hash(ip: string): string {
    return blindIndex(this.#options.pepper, 'sign-in.place', networkOf(ip));
  }
}
