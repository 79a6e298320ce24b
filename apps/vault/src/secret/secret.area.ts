import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import type { Area } from '../area.js';
import { Secrets1700000002101 } from '../migrations/2101-secrets.js';
import { SecretConfigs } from './config/secret-configs.js';
import { IntegrityReports } from './integrity-reports.js';
import { SecretAccess } from './secret-access.js';
import { SecretLog } from './secret-log.js';
import { Secrets } from './secrets.js';

/** Secrets, their versions and metadata: rows beside the log, which vouches for them. */
export const secretArea: Area = {
  migrations: [Secrets1700000002101],
  compose: ({ platform, store, keyring }) => {
    const { request } = platform.database;
    const reports = new IntegrityReports(store, platform.logger);
    const parts = {
      ...{ log: new SecretLog(request), store, keyring, pepper: platform.pepper, reports },
      fingerprints: async () => [],
    };
    const secrets = (authorize: Authorize) =>
      new Secrets(new SecretAccess({ ...parts, authorize }), new SecretConfigs(store, request));
    return { providers: [{ provide: Secrets, useFactory: secrets, inject: [AUTHORIZE] }] };
  },
};
