import type { Carrier } from '@gatehouse/transport';
import { splitAddress } from '../peer/peers.js';
import { Counters } from '../session/counters.js';
import { Visit, type VisitOptions, type VisitRole } from './visit.js';

export interface FrontDoorOptions extends VisitOptions {
  readonly maxCarriers: number;
  readonly maxPerAddress: number;
}

/** Everybody who is connected. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #visits = new Set<Visit>();
  readonly #perAddress: Counters;
  #leaving = false;
  #onEmpty: (() => void) | undefined;
  turnedAway = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
    this.#perAddress = new Counters(options.maxPerAddress);
  }

  count(role: VisitRole): number {
    let count = 0;
    for (const visit of this.#visits) if (visit.role === role) count++;
    return count;
  }

  /** To be called in the turn in which the carrier was got. */
  take(carrier: Carrier): void {
    const address = hostOf(carrier.remoteAddress);
    if (this.#leaving || this.#visits.size >= this.#options.maxCarriers || this.#perAddress.isFull(address)) {
      this.turnedAway++;
      void carrier.close({ code: this.#leaving ? 'unavailable' : 'limit' });
      return;
    }
    const visit = new Visit(carrier, address, this.#options);
    this.#visits.add(visit);
    this.#perAddress.add(address);
    carrier.onClose = (end) => {
      this.#visits.delete(visit);
      this.#perAddress.remove(address);
      visit.closed(end);
      if (this.#visits.size === 0) this.#onEmpty?.();
    };
  }

  /** Sends everybody elsewhere, waits a while for them to go, and closes what is left. */
  async leave(drainMs: number): Promise<void> {
    this.#leaving = true;
    for (const visit of this.#visits) visit.goAway(drainMs);
    if (this.#visits.size > 0 && drainMs > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drainMs);
        this.#onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    await Promise.all([...this.#visits].map(({ carrier }) => carrier.close({ code: 'unavailable' })));
  }
}

/** Without the port; an address that is in no known form counts as itself. */
export function hostOf(address: string): string {
  try {
    return splitAddress(address).host;
  } catch {
    return address;
  }
}
