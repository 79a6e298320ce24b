import { setting } from '@gatehouse/config';
import { platformSettings } from '@gatehouse/service';
import { sslModes } from './database/connection-url.js';
import { sealSettings } from './key/key.settings.js';

export const vaultSettings = platformSettings.extend({
  PUBLIC_URL: setting.url('The address under which clients reach Gatehouse').default('https://localhost:8443'),
  ...sealSettings,
  DATABASES_ON_PRIVATE_NETWORKS: setting
    .flag('Whether databases that credentials are made in may be at addresses that are not of the public Internet')
    .default(true),
  DATABASES_SSLMODE: setting
    .choice(
      'The weakest encryption that they may be reached with; verify-full for their certificates and names',
      sslModes,
    )
    .default('disable'),
  DATABASES_ON_LOOPBACK: setting.flag('Whether they may be on this machine').default(false),
  LEASE_SCAN_SECONDS: setting
    .integer('Longest time between two looks at a database with leases', { min: 1, max: 3600 })
    .default(60),
  LEASE_GRACE_SECONDS: setting
    .integer('How long a call that makes or prolongs an account may take before it is finished by the keeper', {
      min: 1,
      max: 600,
    })
    .default(30),
  LEASE_ALARM_AFTER: setting
    .integer('After how many failures in a row somebody is told', { min: 1, max: 100 })
    .default(5),
});
export type VaultSettings = ReturnType<(typeof vaultSettings)['parse']>;
