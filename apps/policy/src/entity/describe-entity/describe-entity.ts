import type { EntityDescribed } from '@gatehouse/contracts';
import { canonicalJson } from '@gatehouse/crypto';
import type { NewEvent } from '@gatehouse/event-store';
import type { DescribedEntity } from '../entity.js';

/** The new description replaces the old one whole. Saying what is known already changes nothing. */
export const describeEntity =
  (facts: EntityDescribed) =>
  (state: DescribedEntity): readonly NewEvent[] =>
    state.status === 'described' && canonicalJson(state.facts) === canonicalJson(facts)
      ? []
      : [{ type: 'entity.described', version: 1, data: facts }];
