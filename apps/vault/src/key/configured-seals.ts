import { ConfigError } from '@gatehouse/config';
import type { VaultSettings } from '../settings.js';
import { envSeal } from './env-seal.js';
import { fileSeal } from './file-seal.js';
import { secretSettings } from './key.settings.js';
import { awsCredentials } from './kms/aws-credentials.js';
import { kmsSeal } from './kms/kms-seal.js';
import type { Seal } from './seal.js';
import { ShamirSeal } from './shamir/shamir-seal.js';

export interface ConfiguredSeals {
  readonly seal: Seal;
  /** The one that `seal` replaces: it opens what is there, and `seal` closes it again. */
  readonly previous?: Seal | undefined;
}

/**
 * The seals of the settings. Their secrets are dropped from `settings` and from the process's environment afterwards.
 *
 * @throws ConfigError for a seal that lacks a setting
 */
export function configuredSeals(settings: VaultSettings): ConfiguredSeals {
  const seal = configuredSeal(settings);
  const previous = settings.SEAL_PREVIOUS && previousSeal(settings);
  for (const name of secretSettings) {
    delete process.env[name];
    // Nobody else shall come upon them; the object is ours from here on.
    delete (settings as { -readonly [K in keyof VaultSettings]?: VaultSettings[K] })[name];
  }
  return { seal, previous };
}

function configuredSeal(settings: VaultSettings): Seal {
  switch (settings.SEAL) {
    case 'file':
      return fileSeal(required(settings, 'SEAL_KEY_FILE'));
    case 'env':
      return envSeal(required(settings, 'SEAL_ENV_KEY'), 'SEAL_ENV_KEY');
    case 'shamir':
      return new ShamirSeal();
    case 'aws-kms':
      return configuredKms(settings, required(settings, 'SEAL_KMS_KEY_ID'));
  }
}

function previousSeal(settings: VaultSettings): Seal {
  switch (settings.SEAL_PREVIOUS) {
    case 'env':
      return envSeal(required(settings, 'SEAL_PREVIOUS_ENV_KEY'), 'SEAL_PREVIOUS_ENV_KEY');
    case 'aws-kms':
      return configuredKms(settings, required(settings, 'SEAL_PREVIOUS_KMS_KEY_ID'));
    default:
      return fileSeal(required(settings, 'SEAL_PREVIOUS_KEY_FILE'));
  }
}

function configuredKms(settings: VaultSettings, keyId: string): Seal {
  const region = required(settings, 'SEAL_KMS_REGION');
  return kmsSeal({
    keyId,
    region,
    endpoint: settings.SEAL_KMS_ENDPOINT ?? `https://kms.${region}.amazonaws.com/`,
    credentials: awsCredentials({
      accessKeyId: settings.AWS_ACCESS_KEY_ID,
      secretAccessKey: settings.AWS_SECRET_ACCESS_KEY,
      sessionToken: settings.AWS_SESSION_TOKEN,
      containerUrl: settings.AWS_CONTAINER_CREDENTIALS_FULL_URI,
      containerTokenFile: settings.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
      webIdentityTokenFile: settings.AWS_WEB_IDENTITY_TOKEN_FILE,
      roleArn: settings.AWS_ROLE_ARN,
      stsEndpoint: settings.AWS_ENDPOINT_URL_STS ?? `https://sts.${region}.amazonaws.com/`,
    }),
  });
}

function required<K extends keyof VaultSettings>(settings: VaultSettings, name: K): NonNullable<VaultSettings[K]> {
  const value = settings[name];
  if (value === undefined) throw new ConfigError([{ variable: name, problem: `is required with this SEAL` }]);
  return value as NonNullable<VaultSettings[K]>;
}
