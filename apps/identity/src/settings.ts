import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';
import { signingAlgorithms } from './signing-key/signing-key.js';

export const identitySettings = platformSettings.extend({
  ROOT_KEY_FILE: setting.text("File with the root key, under which every person's key is wrapped"),
  PUBLIC_URL: setting
    .url('Address people and clients reach this installation at: issuer of its tokens')
    .default('https://localhost'),
  TOKEN_ALGORITHM: setting.choice('What new keys sign tokens with', signingAlgorithms).default('ES256'),
});
