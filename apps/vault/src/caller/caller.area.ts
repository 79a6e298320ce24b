import { knownCallersProjection, knownIssuersProjection, knownKeysProjection } from '@gatehouse/authn';
import type { Area } from '../area.js';
import { WhoamiController } from './whoami.controller.js';

/** What identity says: who calls. */
export const callerArea: Area = {
  compose: ({ platform }) => {
    const consumers = {
      vault_keys: knownKeysProjection('vault').apply,
      vault_callers: knownCallersProjection('vault').apply,
      vault_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    return { controllers: [WhoamiController] };
  },
};
