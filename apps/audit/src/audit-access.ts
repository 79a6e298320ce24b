import type { Access } from '@gatehouse/http';

/** Reading the ledger of the caller's own tenant: every read is a recorded decision itself. */
export const mayReadLedger: Access = {
  kind: 'action',
  action: 'audit.read',
  resource: (request) => `tenant/${request.principal?.tenantId ?? ''}`,
};
