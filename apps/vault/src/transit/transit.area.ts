import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import type { Area } from '../area.js';
import { Transit1700000002601 } from '../migrations/2601-transit.js';
import { EncryptionRoutes } from './encryption.routes.js';
import { TransitKeyRoutes } from './key.routes.js';
import { SignatureRoutes } from './signature.routes.js';
import { Transit } from './transit.js';
import { TransitKeys } from './transit-keys.js';

/** Encryption and signatures as a service. */
export const transitArea: Area = {
  migrations: [Transit1700000002601],
  compose: ({ platform, store, keyring }) => {
    const keys = new TransitKeys({ store, keyring, pepper: platform.pepper, pool: platform.database.request });
    const transit = (authorize: Authorize) => new Transit(keys, authorize);
    return {
      dialect: [TransitKeyRoutes, EncryptionRoutes, SignatureRoutes],
      providers: [{ provide: Transit, useFactory: transit, inject: [AUTHORIZE] }],
    };
  },
};
