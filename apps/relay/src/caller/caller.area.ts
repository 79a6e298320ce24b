import { knownCallersProjection, knownIssuersProjection, knownKeysProjection } from '@gatehouse/authn';
import type { Area } from '../area.js';

/** What identity says: who calls, and which credentials still count. */
export const callerArea: Area = {
  compose: ({ platform }) => {
    const consumers = {
      relay_keys: knownKeysProjection('relay').apply,
      relay_callers: knownCallersProjection('relay').apply,
      relay_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    return {};
  },
};
