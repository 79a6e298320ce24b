import type { GrantClaims } from '@gatehouse/session';
import { Counters } from './counters.js';

export interface StreamLimitsOptions {
  readonly perDevice: number;
  readonly perSubject: number;
  readonly perTenant: number;
}

/** How many streams of sessions may be open at once: on one device, of one subject, in one tenant. */
export class StreamLimits {
  readonly #counters: readonly { readonly counters: Counters; readonly keyOf: (claims: GrantClaims) => string }[];

  constructor({ perDevice, perSubject, perTenant }: StreamLimitsOptions) {
    this.#counters = [
      { counters: new Counters(perDevice), keyOf: ({ aud }) => aud },
      {
        counters: new Counters(perSubject),
        keyOf: ({ tenantId, subject }) => `${tenantId} ${subject.type} ${subject.id}`,
      },
      { counters: new Counters(perTenant), keyOf: ({ tenantId }) => tenantId },
    ];
  }

  /** Undefined: there is no room. Otherwise to be called once, when the stream is over. */
  enter(claims: GrantClaims): (() => void) | undefined {
    const places = this.#counters.map(({ counters, keyOf }) => ({ counters, key: keyOf(claims) }));
    if (places.some(({ counters, key }) => counters.isFull(key))) return undefined;
    for (const { counters, key } of places) counters.add(key);
    return () => {
      for (const { counters, key } of places) counters.remove(key);
    };
  }
}
