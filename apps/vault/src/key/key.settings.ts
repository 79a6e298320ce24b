import { setting } from '@gatehouse/config';

/** What the root key is sealed with. Part of `vaultSettings`. */
export const sealSettings = {
  SEAL: setting.choice('What the root key is sealed with', ['file', 'env', 'shamir', 'aws-kms']).default('file'),
  SEAL_KEY_FILE: setting.text('File with the key of the seal `file`; made at the first start').optional(),
  SEAL_ENV_KEY: setting
    .secret('Key of the seal `env`: 32 random bytes in base64. Visible to who may look at the process', {
      minLength: 43,
    })
    .optional(),
  SEAL_SHARES: setting
    .integer('Shares of the seal `shamir`, where the call names none', { min: 2, max: 32 })
    .default(5),
  SEAL_THRESHOLD: setting.integer('How many of them open it', { min: 2, max: 32 }).default(3),
  SEAL_KMS_KEY_ID: setting.text('Id, ARN or alias of the key of the seal `aws-kms`').optional(),
  SEAL_KMS_REGION: setting.text('Its region').optional(),
  SEAL_KMS_ENDPOINT: setting.url('Where KMS answers, if not at the address of the region').optional(),
  SEAL_PREVIOUS: setting.choice('The seal that SEAL replaces, once', ['file', 'env', 'aws-kms']).optional(),
  SEAL_PREVIOUS_KEY_FILE: setting.text('File of the former seal').optional(),
  SEAL_PREVIOUS_ENV_KEY: setting.secret('Key of the former seal', { minLength: 43 }).optional(),
  SEAL_PREVIOUS_KMS_KEY_ID: setting.text('Key of the former seal').optional(),
  AWS_ACCESS_KEY_ID: setting.text('Credentials for KMS, where no role gives them').optional(),
  AWS_SECRET_ACCESS_KEY: setting.secret('Their secret').optional(),
  AWS_SESSION_TOKEN: setting.text('Their session').optional(),
  AWS_CONTAINER_CREDENTIALS_FULL_URI: setting.url('Set by EKS Pod Identity: where the credentials are').optional(),
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: setting.text('Set by EKS Pod Identity: what is shown there').optional(),
  AWS_WEB_IDENTITY_TOKEN_FILE: setting.text('Set by EKS for a service account with a role: its token').optional(),
  AWS_ROLE_ARN: setting.text('Set by EKS: the role').optional(),
  AWS_ENDPOINT_URL_STS: setting.url('Where STS answers, if not at the address of the region').optional(),
};

/** Variables with secrets: taken out of the environment once they were read. */
export const secretSettings = ['SEAL_ENV_KEY', 'SEAL_PREVIOUS_ENV_KEY', 'AWS_SECRET_ACCESS_KEY'] as const;
