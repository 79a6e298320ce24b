import type { Envelope, Position } from '@gatehouse/contracts';
import { type Origin, originOf } from '../grant-origins.js';

/** One time during which a grant was held. */
export interface GrantPeriod {
  readonly made: Origin;
  /** Absent while it is held. */
  readonly ended?: Origin;
}

/** The events of one grant, oldest first, as the times during which it was held; the latest is last. */
export function periodsOf(
  events: readonly { readonly envelope: Envelope; readonly position: Position }[],
): readonly GrantPeriod[] {
  const periods: GrantPeriod[] = [];
  for (const { envelope, position } of events) {
    const last = periods.at(-1);
    if (envelope.type === 'role.granted') periods.push({ made: originOf(envelope, position) });
    else if (envelope.type === 'role.revoked' && last && !last.ended)
      periods[periods.length - 1] = { ...last, ended: originOf(envelope, position) };
  }
  return periods;
}
