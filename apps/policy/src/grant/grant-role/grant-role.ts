import type { NewEvent } from '@gatehouse/event-store';
import { type Grant, type GrantTerms, grantIdOf } from '../grant.js';

/** Granting what is held already changes nothing. */
export const grantRole =
  (terms: GrantTerms) =>
  (grant: Grant): readonly NewEvent[] =>
    grant.status === 'active'
      ? []
      : [{ type: 'role.granted', version: 1, data: { grantId: grantIdOf(terms), ...terms } }];
