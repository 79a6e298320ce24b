import type { ValuePlace } from '@gatehouse/crypto';

/** Where a wrapped answer is sealed for. */
export const wrappedPlace = (tenantId: string, wrappedId: string): ValuePlace => ({
  tenantId,
  purpose: 'wrapped-answer',
  name: wrappedId,
  version: 1,
});
