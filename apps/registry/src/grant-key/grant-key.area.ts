import { serve } from '@gatehouse/bus';
import { grantKeys as grantKeysCall } from '@gatehouse/contracts';
import type { Area } from '../area.js';
import { GRANT_KEYS, GrantKeyController } from './grant-key.controller.js';

/** Who signs grants: told to whoever checks them. */
export const grantKeyArea: Area = {
  compose: ({ platform, grantKeys }) => {
    const answer = { keys: [...grantKeys.told] };
    platform.bus.whenConnected((nc) => serve(nc, grantKeysCall, async () => answer));
    return { controllers: [GrantKeyController], providers: [{ provide: GRANT_KEYS, useValue: grantKeys }] };
  },
};
