import {
  knownCallersProjection,
  knownDevicesProjection,
  knownIssuersProjection,
  knownKeysProjection,
} from '@gatehouse/authn';
import type { Area } from '../area.js';
import { KnownDevices1700000002901 } from '../migrations/2901-known-devices.js';
import { WhoamiController } from './whoami.controller.js';

/** What identity and the registry say: who calls. */
export const callerArea: Area = {
  migrations: [KnownDevices1700000002901],
  compose: ({ platform }) => {
    const consumers = {
      vault_keys: knownKeysProjection('vault').apply,
      vault_callers: knownCallersProjection('vault').apply,
      vault_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    platform.consume({
      ...{ durable: 'vault_devices', sources: ['registry'], parks: true, exclusive: true },
      apply: knownDevicesProjection.apply,
    });
    return { controllers: [WhoamiController] };
  },
};
