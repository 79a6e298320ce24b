import { knownCallersProjection, knownIssuersProjection } from '@gatehouse/authn';
import type { Area } from '../area.js';
import { importIdentity } from '../facts/import-identity.js';
import { KnownCallers1700000000060 } from '../migrations/3-known-callers.js';
import { KnownIssuers1700000000052 } from '../migrations/5-known-issuers.js';

/** What identity says: who calls, and the facts that follow from it. */
export const callerArea: Area = {
  migrations: [KnownCallers1700000000060, KnownIssuers1700000000052],
  compose: ({ platform, store }) => {
    // Beside the facts and not with them: read from the beginning it changes nothing twice, and grants would.
    const consumers = {
      policy_facts: importIdentity(store),
      policy_callers: knownCallersProjection('policy').apply,
      policy_issuers: knownIssuersProjection.apply,
    };
    for (const [durable, apply] of Object.entries(consumers)) {
      platform.consume({ durable, sources: ['identity'], parks: true, exclusive: true, apply });
    }
    return {};
  },
};
