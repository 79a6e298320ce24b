import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';

export const registrySettings = platformSettings.extend({
  PUBLIC_URL: setting
    .url('The address under which clients and devices reach Gatehouse; what devices sign names it')
    .default('https://localhost:8443'),
  GRANT_KEY_FILE: setting.text('File with the Ed25519 key that signs grants; made at the first start'),
  GRANT_KEY_OTHER_FILES: setting
    .list('Files with the keys before it, and the one that comes next: devices and relays are told of them')
    .default([]),
  RELAYS: setting.list('Where clients and devices reach relays: host:port, comma separated').default([]),
  REGISTRATIONS_PER_ADDRESS: setting
    .integer('New registrations from one address in an hour', { min: 1, max: 100_000 })
    .default(60),
  REGISTRATIONS_PER_OWNER: setting
    .integer('New registrations for one owner in an hour', { min: 1, max: 100_000 })
    .default(300),
  REGISTRATIONS_PENDING: setting
    .integer('Registrations that wait for one owner, at most', { min: 1, max: 10_000 })
    .default(200),
  DEVICE_KEY_DAYS: setting
    .integer(
      'After how many days the m87_ key of a device ends; from half of that on the device may fetch another one',
      {
        min: 1,
        max: 3_650,
      },
    )
    .default(90),
  IDENTITY_KEY_DAYS: setting
    .integer('After how many days a device is told to make new keys', { min: 1, max: 3_650 })
    .default(90),
});
export type RegistrySettings = ReturnType<(typeof registrySettings)['parse']>;
