import type { Area } from '../area.js';
import { applyRelayFacts } from './relay-facts.js';

/** Who is there, and what sessions did: told by relays. */
export const presenceArea: Area = {
  compose: ({ platform }) => {
    platform.consume({
      ...{ durable: 'registry_relay', sources: ['relay'], parks: true, exclusive: true },
      apply: applyRelayFacts,
    });
    return {};
  },
};
