import { setting } from '@gatehouse/config';

export const oidcSettings = {
  OIDC_ACCESS_TOKEN_SECONDS: setting
    .integer('How long an access token of an OAuth client lives', { min: 60, max: 3_600 })
    .default(600),
  OIDC_REFRESH_TOKEN_SECONDS: setting
    .integer('How long a refresh token lives that is not used', { min: 3_600, max: 7_776_000 })
    .default(1_209_600),
  OIDC_GRANT_SECONDS: setting
    .integer('How long a person who agreed is not asked again, however often tokens are refreshed', {
      min: 3_600,
      max: 31_536_000,
    })
    .default(7_776_000),
  OIDC_DEVICE_CODE_SECONDS: setting
    .integer('How long a device waits for its approval', { min: 60, max: 1_800 })
    .default(600),
} as const;
