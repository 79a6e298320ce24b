import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import type { Area } from '../area.js';
import { fingerprintsOf } from '../disclosure/fingerprints.js';
import { Secrets1700000002101 } from '../migrations/2101-secrets.js';
import { SecretBatches1700000002102 } from '../migrations/2102-secret-batches.js';
import { SecretPlans1700000002103 } from '../migrations/2103-secret-plans.js';
import { SecretStores1700000002104 } from '../migrations/2104-secret-stores.js';
import { SecretPages1700000002105 } from '../migrations/2105-secret-pages.js';
import { SecretStatistics1700000002106 } from '../migrations/2106-secret-statistics.js';
import { ListRoutes } from './api/list.routes.js';
import { ManyRoutes } from './api/many.routes.js';
import { MetadataRoutes } from './api/metadata.routes.js';
import { SecretRoutes } from './api/secret.routes.js';
import { SecretConfigs } from './config/secret-configs.js';
import type { SecretData } from './content.js';
import { IntegrityReports } from './integrity-reports.js';
import { References } from './references.js';
import { SecretAccess } from './secret-access.js';
import { SecretLog } from './secret-log.js';
import { Secrets } from './secrets.js';

/** Secrets, their versions and metadata: rows beside the log, which vouches for them. */
export const secretArea: Area = {
  migrations: [
    Secrets1700000002101,
    SecretBatches1700000002102,
    SecretPlans1700000002103,
    SecretStores1700000002104,
    SecretPages1700000002105,
    SecretStatistics1700000002106,
  ],
  compose: ({ platform, store, keyring }) => {
    const { request } = platform.database;
    const reports = new IntegrityReports(store, platform.logger);
    const parts = {
      ...{ log: new SecretLog(request), store, keyring, pepper: platform.pepper, reports },
      fingerprints: (tenantId: string, data: SecretData) => fingerprintsOf(keyring, tenantId, data),
    };
    const access = (authorize: Authorize) => new SecretAccess({ ...parts, authorize });
    const secrets = (shared: SecretAccess) => new Secrets(shared, new SecretConfigs(store, request));
    const references = (shared: SecretAccess, all: Secrets) => new References(shared, all);
    return {
      providers: [
        { provide: SecretAccess, useFactory: access, inject: [AUTHORIZE] },
        { provide: Secrets, useFactory: secrets, inject: [SecretAccess] },
        { provide: References, useFactory: references, inject: [SecretAccess, Secrets] },
        SecretRoutes,
        ManyRoutes,
        MetadataRoutes,
        ListRoutes,
      ],
    };
  },
};
