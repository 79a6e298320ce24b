import type { Area } from '../area.js';
import { applyOwnerFacts } from './owner-facts.js';
import { servePersonalData } from './personal-data.js';

/** What follows for devices from what becomes of their owners. */
export const ownerArea: Area = {
  compose: ({ platform, store }) => {
    platform.consume({
      ...{ durable: 'registry_owners', sources: ['identity'], parks: true, exclusive: true },
      apply: applyOwnerFacts(store),
    });
    platform.bus.whenConnected((nc) =>
      servePersonalData(nc, platform.database.system, platform.warn('a person could not be looked up')),
    );
    return {};
  },
};
