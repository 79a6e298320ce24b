import { knownCallersProjection, knownIssuersProjection } from '@gatehouse/authn';
import type { Area } from '../area.js';
import { importDevices } from '../facts/import-devices.js';
import { importIdentity } from '../facts/import-identity.js';
import { serveDevicesKnown } from '../facts/serve-devices-known.js';
import { KnownCallers1700000000060 } from '../migrations/3-known-callers.js';
import { KnownIssuers1700000000052 } from '../migrations/5-known-issuers.js';
import { KnownDevices1700000000130 } from '../migrations/12-known-devices.js';

/** What identity and the registry say: who calls, and the facts that follow from it. */
export const callerArea: Area = {
  migrations: [KnownCallers1700000000060, KnownIssuers1700000000052, KnownDevices1700000000130],
  compose: ({ platform, store, facts }) => {
    // Beside the facts and not with them: read from the beginning it changes nothing twice, and grants would.
    const consumers = {
      policy_facts: importIdentity(store),
      policy_callers: knownCallersProjection('policy').apply,
      policy_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    platform.consume({
      ...{ durable: 'policy_devices', sources: ['registry'], parks: true, exclusive: true },
      apply: importDevices(store),
    });
    const onError = platform.warn('it could not be told how far devices are known');
    platform.bus.whenConnected((nc) => serveDevicesKnown(nc, { facts, query: platform.database.system, onError }));
    return {};
  },
};
