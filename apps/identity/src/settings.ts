import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';
import { accountSettings } from './account/account.settings.js';
import { alertSettings } from './alert/alert.settings.js';
import { factorSettings } from './factor/factor.settings.js';
import { federationSettings } from './federation/federation.settings.js';
import { mailSettings } from './mail/mail.settings.js';
import { oidcSettings } from './oidc/oidc.settings.js';
import { privacySettings } from './privacy/privacy.settings.js';
import { satelliteSettings } from './satellite/satellite.settings.js';
import { signingAlgorithms } from './signing-key/signing-key.js';
import { tenancySettings } from './tenancy/tenancy.settings.js';

export const identitySettings = platformSettings.extend({
  ROOT_KEY_FILE: setting.text("File with the root key, under which every person's key is wrapped"),
  OWNER_EMAIL: setting.text('Address of the first owner: read by bootstrap only').optional(),
  PUBLIC_URL: setting
    .url('Address people and clients reach this installation at: issuer of its tokens')
    .default('https://localhost'),
  TOKEN_ALGORITHM: setting.choice('What new keys sign tokens with', signingAlgorithms).default('ES256'),
  ...mailSettings,
  ...tenancySettings,
  ...accountSettings,
  ...factorSettings,
  ...oidcSettings,
  ...federationSettings,
  ...satelliteSettings,
  ...alertSettings,
  ...privacySettings,
});
