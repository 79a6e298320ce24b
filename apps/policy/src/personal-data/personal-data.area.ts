import type { Area } from '../area.js';
import { PersonalData1700000000090 } from '../migrations/4-personal-data.js';
import { servePersonalData } from './serve-personal-data.js';

/** What policy holds on a person, for the export. */
export const personalDataArea: Area = {
  migrations: [PersonalData1700000000090],
  compose: ({ platform }) => {
    platform.bus.whenConnected((nc) =>
      servePersonalData(nc, platform.database.system, platform.warn('a person could not be looked up')),
    );
    return {};
  },
};
