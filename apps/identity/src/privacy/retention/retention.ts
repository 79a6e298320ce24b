import type { RetentionChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Retention } from '../../area.js';

/** How long one kind is kept. `revision` is that of its stream, 0 while the default holds. */
export interface KeptFor {
  readonly kind: string;
  readonly days: number;
  readonly revision: number;
}

/** One stream a kind, in the operator's tenant. */
export const retentionStream = (kind: string): string => `retention:${kind}`;

export const maxRetentionDays = 3_650;

/** What holds now: the defaults of all areas, with what somebody changed. */
export const effective = (kinds: readonly Retention[], changed: readonly KeptFor[]) =>
  kinds.map(({ kind, defaultDays }) => {
    const own = changed.find((each) => each.kind === kind);
    return { kind, defaultDays, days: own?.days ?? defaultDays, revision: own?.revision ?? 0 };
  });

/** The same again changes nothing. */
export function changeRetention(kind: string, days: number, previousDays: number): readonly NewEvent[] {
  const data: RetentionChanged = { kind, days, previousDays };
  return days === previousDays ? [] : [{ type: 'retention.changed', version: 1, data }];
}
