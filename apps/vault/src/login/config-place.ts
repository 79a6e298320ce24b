import type { ValuePlace } from '@gatehouse/crypto';

/** Where the secret of a configuration is sealed for. */
export const configPlace = (tenantId: string, configId: string): ValuePlace => ({
  tenantId,
  purpose: 'login-config',
  name: configId,
  version: 1,
});
