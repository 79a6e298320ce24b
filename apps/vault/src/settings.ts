import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

export const vaultSettings = platformSettings.extend({
  PUBLIC_URL: setting.url('The address under which clients reach Gatehouse').default('https://localhost:8443'),
  SEAL: setting.choice('What the root key is sealed with', ['file']).default('file'),
  SEAL_KEY_FILE: setting.text('File with the key that seals the root key; made at the first start').optional(),
});
export type VaultSettings = ReturnType<(typeof vaultSettings)['parse']>;
