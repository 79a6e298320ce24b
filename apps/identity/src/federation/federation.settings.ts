import { setting } from '@gatehouse/config';

export const federationSettings = {
  FEDERATION_TRUSTED_ISSUERS: setting
    .list(
      'Issuers whose verified addresses this installation believes for every tenant; those of the operator tenant are ' +
        'believed anyway, and whoever comes from another has to confirm the address by mail',
    )
    .default([]),
} as const;
