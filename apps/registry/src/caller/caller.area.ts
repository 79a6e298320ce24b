import {
  knownCallersProjection,
  knownDevicesProjection,
  knownIssuersProjection,
  knownKeysProjection,
} from '@gatehouse/authn';
import type { Area } from '../area.js';

/** What identity says: who calls. Devices are our own callers: their keys are known with the event that issues them. */
export const callerArea: Area = {
  inline: [{ ...knownDevicesProjection, inline: true }],
  compose: ({ platform }) => {
    const consumers = {
      registry_keys: knownKeysProjection('registry').apply,
      registry_callers: knownCallersProjection('registry').apply,
      registry_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    return {};
  },
};
