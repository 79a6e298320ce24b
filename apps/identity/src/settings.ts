import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

export const identitySettings = platformSettings.extend({
  ROOT_KEY_FILE: setting.text("File with the root key, under which every person's key is wrapped"),
});
